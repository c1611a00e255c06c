"""The doctor before real archives, a peer that takes little, and a machine with something wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.sop_class import Verification
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.cli.doctor.certificates import certificate_findings
from ctsma_node.cli.doctor.finding import Verdict
from ctsma_node.cli.doctor.instance import PATIENT_ID
from ctsma_node.cli.doctor.machine import _fsync
from ctsma_node.cli.doctor.network import SENT
from ctsma_node.config import OBJECT_KINDS, Settings, SourceSettings
from ctsma_node.config.peers import DEFAULT_KINDS
from ctsma_node.config.settings import LimitSettings, NodeSettings, TlsSettings
from ctsma_node.demo.pacs import Orthanc
from ctsma_node.receive.server import Receiver
from tests.conftest import RequireTool
from tests.fixtures.certificates import Authority
from tests.fixtures.orthanc import Archive
from tests.fixtures.proving_node import pacs

Diagnose = Callable[..., dict[str, Any]]

_CONFIG = """\
[node]
port = {port}
state_dir = "state"
[[sources]]
ae_title = "PACS"
addresses = ["{source}"]
[[destinations]]
name = "pacs"
ae_title = "{ae}"
host = "127.0.0.1"
port = {pacs_port}
proof = "{proof}"
[limits]
min_free_bytes = 0
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def diagnose(tmp_path: Path) -> Diagnose:
    def run(
        *options: str, exit_code: int, port: int = 0, pacs_port: int = 1, ae: str = "ORTHANC", **other: str
    ) -> dict[str, Any]:
        config = tmp_path / "node.toml"
        source = other.get("source", "127.0.0.1")
        proof = other.get("proof", "status")
        listening = port or free_port()
        text = _CONFIG.format(port=listening, pacs_port=pacs_port, ae=ae, source=source, proof=proof)
        config.write_text(text + other.get("more", ""))
        shown = CliRunner().invoke(app, ["doctor", "--json", "--config", str(config), *options])
        assert shown.exit_code == exit_code, shown.output
        return dict(json.loads(shown.stdout[shown.stdout.index("{\n") :]))  # behind a log in this process

    return run


def verdict(found: dict[str, Any], area: str, what: str) -> str:
    (line,) = (each for each in found["findings"] if each["area"] == area and each["what"].startswith(what))
    assert line["verdict"] in ("ok", "skipped") or line["remedy"]
    return str(line["verdict"])


class Askable(Orthanc):
    """By default Orthanc lets only those ask whom it knows."""

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"DicomAlwaysAllowFind": True}


@pytest.fixture(scope="module")
def orthanc(require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    archive = Askable(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    archive.start()
    yield archive
    archive.stop()


def test_an_archive_that_takes_everything(diagnose: Diagnose, orthanc: Orthanc) -> None:
    found = diagnose(exit_code=0, pacs_port=orthanc.port)
    assert verdict(found, "pacs", "C-ECHO") == "ok"
    for name in ("CT Image", "Segmentation", "Parametric Map", "Comprehensive 3D SR", "Secondary Capture"):
        assert verdict(found, "pacs", name) == "ok"
    assert verdict(found, "pacs", "C-STORE") == "skipped"
    assert "Explicit VR Little Endian" in str(found["findings"])


def test_a_test_instance_is_stored_and_its_deletion_left_to_people(
    diagnose: Diagnose, orthanc: Orthanc
) -> None:
    found = diagnose("--store", exit_code=0, pacs_port=orthanc.port)
    assert verdict(found, "pacs", "C-STORE") == "ok"
    assert f"delete patient {PATIENT_ID}" in str(found["findings"])
    assert verdict(found, "pacs", "C-FIND") == "ok"


@pytest.fixture
def archive(require_tool: RequireTool, tmp_path: Path) -> Iterator[Archive]:
    """One that reports to the node."""
    made = Archive(require_tool("Orthanc"), tmp_path / "orthanc")
    made.node_port = free_port()
    made.start()
    yield made
    made.stop()


def test_the_test_instance_is_committed_and_the_report_waited_for(
    diagnose: Diagnose, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.cli.doctor.commitment.REPORT_S", 0.5)
    there: dict[str, Any] = {"port": archive.node_port, "pacs_port": archive.port, "proof": "commitment"}
    found = diagnose("--store", exit_code=0, **there)
    assert verdict(found, "pacs", "N-ACTION") == "warning"  # nobody takes the report
    monkeypatch.setattr("ctsma_node.cli.doctor.commitment.REPORT_S", 60.0)
    settings = Settings(
        node=NodeSettings(port=archive.node_port, state_dir=tmp_path / "state"),
        destinations=(pacs(archive.ae_title, archive.port, "commitment"),),
        limits=LimitSettings(min_free_bytes=0, drain_s=1.0),
    )
    receiver = Receiver(settings)
    receiver.start()
    try:
        found = diagnose("--store", exit_code=0, **there)
    finally:
        receiver.stop()
    assert [verdict(found, "pacs", what) for what in ("C-STORE", "C-FIND", "N-ACTION")] == ["ok"] * 3
    assert "committed; the report came over an association of its own" in str(found["findings"])
    assert found["routing"]["is_reported_to"] is True


def test_a_peer_that_stores_ct_alone(diagnose: Diagnose) -> None:
    ae = AE(ae_title="SMALL")
    for sop_class in (Verification, CTImageStorage):
        ae.add_supported_context(sop_class)
    port = free_port()
    server = ae.start_server(("127.0.0.1", port), block=False)
    assert server is not None
    found = diagnose("--store", exit_code=1, pacs_port=port, ae="SMALL")
    ae.shutdown()
    assert verdict(found, "pacs", "CT Image") == "ok"
    assert verdict(found, "pacs", "Segmentation") == "wrong"
    assert verdict(found, "pacs", "C-STORE") == "wrong"


def test_nobody_there(diagnose: Diagnose) -> None:
    found = diagnose(exit_code=1, pacs_port=free_port())
    assert verdict(found, "pacs", "C-ECHO") == "wrong"
    assert verdict(found, "node", "port") == "warning"


@pytest.mark.parametrize("source", ["127.0.0.1", "192.0.2.1"])
def test_the_nodes_own_port(diagnose: Diagnose, tmp_path: Path, source: str) -> None:
    settings = Settings(
        node=NodeSettings(port=0, state_dir=tmp_path / "state"),
        sources=(SourceSettings(ae_title="PACS", addresses=(source,)),),
        limits=LimitSettings(min_free_bytes=0, drain_s=1.0),
    )
    receiver = Receiver(settings)
    receiver.start()
    found = diagnose(exit_code=1, port=receiver.port, source=source)
    receiver.stop()
    assert verdict(found, "node", "C-ECHO") == ("ok" if source == "127.0.0.1" else "warning")


def test_another_program_on_the_nodes_own_port(diagnose: Diagnose) -> None:
    def greet() -> None:
        for _ in range(3):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=greet, daemon=True).start()
        found = diagnose(exit_code=1, port=listening.getsockname()[1])
    assert verdict(found, "node", "C-ECHO") == "wrong"


@pytest.mark.parametrize(("signer", "expected"), [("ca", "ok"), ("another", "warning")])
def test_the_tls_port_is_tried_with_the_nodes_own_certificate(
    diagnose: Diagnose, tmp_path: Path, signer: str, expected: str
) -> None:
    authority = Authority(tmp_path / "ca")
    own = (authority if signer == "ca" else Authority(tmp_path / signer, "another CA")).issue(
        "node", "localhost"
    )
    files = {"certificate": str(own.certificate), "key": str(own.key), "ca": str(authority.ca)}
    settings = Settings(
        node=NodeSettings(port=0, state_dir=tmp_path / "state"),
        sources=(SourceSettings(ae_title="PACS", addresses=("127.0.0.1",)),),
        tls=TlsSettings.model_validate({"port": free_port(), **files}),
        limits=LimitSettings(min_free_bytes=0, drain_s=1.0),
    )
    more = "[tls]\n" + "".join(f'{key} = "{path}"\n' for key, path in files.items())
    more += f"port = {settings.tls.port}\n"
    found = diagnose(exit_code=1, more=more)
    assert verdict(found, "node", "port over TLS") == "warning"  # nobody listens
    receiver = Receiver(settings)
    receiver.start()
    try:
        found = diagnose(exit_code=1, more=more)
    finally:
        receiver.stop()
    assert verdict(found, "node", "C-ECHO over TLS") == expected
    assert verdict(found, "node", "port") == "skipped"  # the plain one is closed
    assert (found["routing"]["port"], found["routing"]["tls_port"]) == (None, settings.tls.port)


def test_another_certificate_on_the_tls_port_is_wrong(diagnose: Diagnose, tmp_path: Path) -> None:
    """As where the receiver was not restarted, or another program has the port."""
    authority = Authority(tmp_path / "ca")
    old, new = authority.issue("old"), authority.issue("new")
    settings = Settings(
        node=NodeSettings(port=0, state_dir=tmp_path / "state"),
        sources=(SourceSettings(ae_title="PACS", addresses=("127.0.0.1",)),),
        tls=TlsSettings(
            certificate=str(old.certificate), key=str(old.key), ca=str(authority.ca), port=free_port()
        ),
        limits=LimitSettings(min_free_bytes=0, drain_s=1.0),
    )
    more = f'[tls]\ncertificate = "{new.certificate}"\nkey = "{new.key}"\nca = "{authority.ca}"\n'
    receiver = Receiver(settings)
    receiver.start()
    try:
        found = diagnose(exit_code=1, more=f"{more}port = {settings.tls.port}\n")
    finally:
        receiver.stop()
    assert verdict(found, "node", "C-ECHO over TLS") == "wrong"


def test_what_to_type_into_the_pacs(diagnose: Diagnose) -> None:
    routing = diagnose(exit_code=1, port=11112)["routing"]
    assert (routing["ae_title"], routing["host"], routing["port"]) == ("CTSMA", "127.0.0.1", 11112)
    assert routing["calling_ae_titles"] == ["PACS"]
    assert str(CTImageStorage) in routing["sent_here"]
    assert {str(each) for kind in DEFAULT_KINDS for each in SENT[kind]} == set(routing["sent_back"])


def test_a_folder_that_others_can_read_and_a_bundle_that_is_none(diagnose: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    found = diagnose(exit_code=1, more='[analysis]\nbundle = "nowhere"\n')
    assert verdict(found, "state", "folder") == "warning"
    assert verdict(found, "state", "fsync") in ("ok", "warning")
    assert verdict(found, "analysis", "bundle") == "wrong"
    assert list((tmp_path / "state").iterdir()) == []


def test_what_a_doctor_that_was_killed_left_is_not_the_disks_fault(tmp_path: Path) -> None:
    (tmp_path / ".doctor.part").write_bytes(bytes(10))
    assert _fsync(tmp_path).verdict in (Verdict.OK, Verdict.WARNING)
    assert list(tmp_path.iterdir()) == []


def test_the_table_reads_well_for_a_person(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(_CONFIG.format(port=free_port(), pacs_port=1, ae="X", source="127.0.0.1", proof="find"))
    shown = CliRunner().invoke(app, ["doctor", "--config", str(config)], env={"COLUMNS": "200"})
    assert "To type into the PACS" in shown.output
    assert "To do pacs, C-ECHO: On the PACS, add AE title CTSMA" in shown.output


def test_every_kind_of_object_has_its_sop_class() -> None:
    assert set(SENT) == set(OBJECT_KINDS)


def certificate(folder: Path, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{days}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("days", "expected"), [(90, "ok"), (10, "warning"), (-1, "wrong")])
def test_a_certificates_end_is_seen(tmp_path: Path, days: int, expected: str) -> None:
    (found,) = certificate_findings(certificate(tmp_path, days), datetime.now(UTC).timestamp())
    assert found.verdict == Verdict(expected)
