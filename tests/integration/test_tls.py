"""DICOM over TLS against DCMTK, both ways: who is let in, who is not, and what is said to whom."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.config import Settings, SourceSettings
from ctsma_node.config.settings import LimitSettings, NodeSettings, TlsSettings
from ctsma_node.deliver import Outcome, Outgoing, Peer, echo, read_outgoing, store
from ctsma_node.receive.server import Receiver
from ctsma_node.tls import ClientContext
from tests.acceptance.site import free_port, until
from tests.conftest import RequireTool
from tests.fixtures.certificates import DAY, Authority, Issued
from tests.fixtures.encoded import ct_slice
from tests.fixtures.stalling_peer import StallingPeer, associate_ac, ends
from tests.integration.test_receive import with_meta

CT = str(CTImageStorage)


@dataclass
class Site:
    """A node that listens for TLS and plainly, and the certificates of everybody."""

    authority: Authority
    pacs: Issued
    other: Issued
    receiver: Receiver
    logs: list[Any] = field(default_factory=list)

    def codes(self, action: str) -> list[str]:
        return [each["code"] for each in self.logs if each["event"] == action]

    def associate(self, context: ssl.SSLContext | None, port: int | None = None) -> Association:
        ae = AE(ae_title="PACS")
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        ae.add_requested_context(CT, ExplicitVRLittleEndian)
        to = (self.receiver.tls_port if context else self.receiver.port) if port is None else port
        args = None if context is None else (context, "localhost")
        return ae.associate("127.0.0.1", to, ae_title="CTSMA", tls_args=args)

    def context(self, shown: Issued | None) -> ssl.SSLContext:
        own: dict[str, Any] = {}
        if shown is not None:
            own = {"certificate": str(shown.certificate), "key": str(shown.key)}
        return ClientContext(str(self.authority.ca), "localhost", **own).context()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "ca")
    own, pacs = authority.issue("node", "localhost", "127.0.0.1"), authority.issue("pacs")
    other = authority.issue("other", "scanner.example")
    settings = Settings(
        node=NodeSettings(port=0, state_dir=folder / "state"),
        sources=(
            SourceSettings(ae_title="PACS", addresses=("127.0.0.1",), certificate_sha256=(pacs.sha256,)),
            SourceSettings(
                ae_title="SCANNER", addresses=("127.0.0.1",), certificate_names=("Scanner.Example",)
            ),
        ),
        tls=TlsSettings(
            certificate=str(own.certificate),
            key=str(own.key),
            ca=str(authority.ca),
            port=0,
            required=False,
            handshake_s=1.0,
        ),
        limits=LimitSettings(min_free_bytes=0, acse_s=2.0),
    )
    with structlog.testing.capture_logs() as logs:
        receiver = Receiver(settings)
        receiver.start()
        yield Site(authority, pacs, other, receiver, logs)
        receiver.stop()


@pytest.fixture
def call(site: Site, require_tool: RequireTool) -> Callable[..., str]:
    """DCMTK's echoscu: "" where it succeeded, else what it printed."""
    echoscu = require_tool("dcmdump").parent / "echoscu"

    def run(*options: str, aet: str = "PACS", port: int | None = None) -> str:
        to = str(site.receiver.tls_port if port is None else port)
        command = [str(echoscu), "-aet", aet, "-aec", "CTSMA", "-to", "5", "-ta", "5", *options]
        done = subprocess.run(
            [*command, "localhost", to], capture_output=True, text=True, timeout=30, check=False
        )
        return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"

    return run


def shown(site: Site, issued: Issued) -> list[str]:
    return ["+tls", str(issued.key), str(issued.certificate), "+cf", str(site.authority.ca)]


def refused(site: Site, before: int) -> list[tuple[str, str | None]]:
    """Codes and reasons of connections refused since there were `before` log lines."""
    until(lambda: len(site.logs) > before, "a refusal in the log", 10)
    return [(e["code"], e.get("reason")) for e in site.logs[before:] if e["event"] == "connection.refused"]


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_the_right_certificate_gets_in_by_each_bcp_195_profile(
    site: Site, call: Callable[..., str], profile: str
) -> None:
    assert call(*shown(site, site.pacs), profile) == ""


def test_a_name_binds_as_a_fingerprint_does(site: Site, call: Callable[..., str]) -> None:
    assert call(*shown(site, site.other), aet="SCANNER") == ""


@pytest.mark.parametrize(("aet", "whose"), [("PACS", "other"), ("SCANNER", "pacs"), ("NOBODY", "pacs")])
def test_a_certificate_of_another_ae_is_rejected_with_1_1_3(
    site: Site, call: Callable[..., str], aet: str, whose: str
) -> None:
    before = len(site.codes("association.rejected"))
    said = call(*shown(site, getattr(site, whose)), aet=aet)
    assert "Calling AE Title Not Recognized" in said
    assert site.codes("association.rejected")[before:] == ["1/1/3"]


def test_no_certificate_is_a_failed_handshake(site: Site) -> None:
    before = len(site.logs)
    assert not site.associate(site.context(None)).is_established
    assert refused(site, before) == [("tls_handshake", "peer did not return a certificate")]


def test_dcmtk_without_a_certificate_does_not_get_in(site: Site, call: Callable[..., str]) -> None:
    before = len(site.logs)
    assert call("+tla", "+cf", str(site.authority.ca)) != ""
    assert refused(site, before)[0] == ("tls_handshake", "peer did not return a certificate")


def test_an_expired_certificate_is_a_failed_handshake(site: Site, call: Callable[..., str]) -> None:
    before = len(site.logs)
    expired = site.authority.issue("expired", valid=(-9 * DAY, -DAY))
    assert call(*shown(site, expired)) != ""
    assert refused(site, before)[0] == ("tls_handshake", "certificate not accepted: certificate has expired")


def test_a_certificate_that_somebody_else_signed_is_a_failed_handshake(
    site: Site, call: Callable[..., str], tmp_path: Path
) -> None:
    before = len(site.logs)
    forged = Authority(tmp_path / "elsewhere").issue("pacs")
    assert call(*shown(site, forged)) != ""
    (code, reason), *_ = refused(site, before)
    assert (code, str(reason)[:25]) == ("tls_handshake", "certificate not accepted:")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_tls_is_refused(site: Site, version: ssl.TLSVersion) -> None:
    before = len(site.logs)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(site.authority.ca)
    context.load_cert_chain(site.pacs.certificate, site.pacs.key)
    with (
        socket.create_connection(("localhost", site.receiver.tls_port), timeout=10) as peer,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(peer, server_hostname="localhost")
    assert refused(site, before) == [("tls_handshake", "unsupported protocol")]


def test_a_weak_suite_is_refused(site: Site) -> None:
    before = len(site.logs)
    context = site.context(site.pacs)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    assert not site.associate(context).is_established
    assert refused(site, before) == [("tls_handshake", "no shared cipher")]


def test_plain_dicom_on_the_tls_port_is_closed(site: Site, call: Callable[..., str]) -> None:
    before = len(site.logs)
    assert call() != ""
    assert refused(site, before)[0][0] == "tls_handshake"


def test_tls_on_the_plain_port_is_aborted(site: Site, call: Callable[..., str]) -> None:
    before = len(site.logs)
    assert call(*shown(site, site.pacs), port=site.receiver.port) != ""
    assert refused(site, before)[0] == ("tls_on_plain_port", None)


def test_a_bound_ae_title_is_not_known_without_tls(site: Site, call: Callable[..., str]) -> None:
    assert "Calling AE Title Not Recognized" in call(port=site.receiver.port)


def test_a_store_over_tls_is_a_store(site: Site) -> None:
    assoc = site.associate(site.context(site.pacs))
    for number in range(5):
        assert assoc.send_c_store(with_meta(ct_slice(number, series="1.2.840.77"))).Status == 0x0000
    assoc.release()


def test_a_client_that_never_says_hello_keeps_nobody_out(site: Site) -> None:
    before = len(site.logs)
    silent = [socket.create_connection(("localhost", site.receiver.tls_port), timeout=10) for _ in range(20)]
    started = time.monotonic()
    assoc = site.associate(site.context(site.pacs))
    assert assoc.is_established
    assert time.monotonic() - started < 2
    assoc.release()
    assert silent[0].recv(1) == b""  # closed at its deadline
    assert ("no_handshake", None) in refused(site, before)
    for each in silent:
        each.close()


@dataclass
class Scp:
    """DCMTK's storescp over TLS, and the folder it stores in."""

    port: int
    folder: Path
    ca: Path


@pytest.fixture
def storescp(site: Site, require_tool: RequireTool, tmp_path: Path) -> Iterator[Callable[..., Scp]]:
    program = require_tool("dcmdump").parent / "storescp"
    running: list[subprocess.Popen[bytes]] = []

    def start(own: Issued) -> Scp:
        port, folder = free_port(), tmp_path / "stored"
        folder.mkdir(exist_ok=True)
        command = [str(program), "-aet", "PACS", "-od", str(folder), *shown(site, own), str(port)]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        until(lambda: _answers(port), "storescp", 10)
        return Scp(port, folder, site.authority.ca)

    yield start
    for each in running:
        each.terminate()
        each.wait(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def peer_of(scp: Scp, own: Issued, **more: Any) -> Peer:
    options = {"name": "localhost", "certificate": str(own.certificate), "key": str(own.key)} | more
    tls = ClientContext(str(scp.ca), **options)
    return Peer("127.0.0.1", scp.port, "PACS", "CTSMA", acse_s=5, tls=tls)


@pytest.fixture
def outgoing(tmp_path: Path) -> Outgoing:
    path = tmp_path / "one.dcm"
    with_meta(ct_slice()).save_as(path, enforce_file_format=True)
    return read_outgoing(path)


def test_results_are_delivered_over_tls(site: Site, storescp: Callable[..., Scp], outgoing: Outgoing) -> None:
    scp = storescp(site.authority.issue("storescp", "localhost"))
    own = site.authority.issue("ours")
    assert echo(peer_of(scp, own)) == (True, "answers")
    (answer,) = store(peer_of(scp, own), [outgoing])
    assert answer.outcome is Outcome.DELIVERED
    assert len(list(scp.folder.iterdir())) == 1


def test_a_destination_is_known_by_its_name_or_its_fingerprint(
    site: Site, storescp: Callable[..., Scp]
) -> None:
    theirs, own = site.authority.issue("storescp", "pacs.example"), site.authority.issue("ours")
    scp = storescp(theirs)
    assert echo(peer_of(scp, own, name="pacs.example"))[0]
    assert echo(peer_of(scp, own, sha256=(theirs.sha256,)))[0]
    said = [echo(peer_of(scp, own)), echo(peer_of(scp, own, sha256=("00" * 32,)))]
    assert [fine for fine, _ in said] == [False, False]
    assert "Hostname mismatch" in said[0][1]
    assert "not the one that tls_certificate_sha256 names" in said[1][1]


def test_a_destination_that_stops_in_the_middle_of_a_pdu_is_left(site: Site) -> None:
    theirs = site.authority.issue("stalls", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    pacs = StallingPeer((associate_ac(),), 0, context=context)
    tls = ClientContext(str(site.authority.ca), "localhost")
    peer = Peer("127.0.0.1", pacs.port, "PACS", "CTSMA", acse_s=0.5, dimse_s=0.5, network_s=0.5, tls=tls)
    said = list[bool]()
    try:
        assert ends(lambda: said.append(echo(peer)[0]))
    finally:
        pacs.close()
    assert said == [False]


def test_what_fails_is_said_and_tried_again(
    site: Site, storescp: Callable[..., Scp], outgoing: Outgoing, tmp_path: Path
) -> None:
    expired = site.authority.issue("storescp", "localhost", valid=(-9 * DAY, -DAY))
    scp, own = storescp(expired), site.authority.issue("ours")
    (answer,) = store(peer_of(scp, own), [outgoing])
    assert answer.outcome is Outcome.TRANSIENT
    assert answer.text.endswith("certificate not accepted: certificate has expired")
    shutil.copy(own.key, tmp_path / "open.key")
    (tmp_path / "open.key").chmod(0o644)
    (answer,) = store(peer_of(scp, own, key=str(tmp_path / "open.key")), [outgoing])
    assert answer.outcome is Outcome.TRANSIENT
    assert "chmod 600" in answer.text


def test_send_shows_the_nodes_certificate_or_none(
    site: Site, storescp: Callable[..., Scp], tmp_path: Path
) -> None:
    scp, own = storescp(site.authority.issue("storescp", "localhost")), site.authority.issue("ours")
    with_meta(ct_slice()).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    config = tmp_path / "node.toml"
    config.write_text(
        f'[tls]\ncertificate = "{own.certificate}"\nkey = "{own.key}"\nca = "{site.authority.ca}"\n'
    )
    (tmp_path / "bare.toml").write_text("")

    def send(*options: object) -> tuple[int, str]:
        to = ["--to", f"localhost:{scp.port}", "--aet", "PACS", "--calling", "CTSMA"]
        words = ["send", str(tmp_path / "one.dcm"), *to, *map(str, options)]
        done = CliRunner(env={"COLUMNS": "300"}).invoke(app, words)
        return done.exit_code, done.output

    assert send("--tls", "--config", config)[0] == 0
    assert len(list(scp.folder.iterdir())) == 1
    shows_none = send("--tls", "--ca", site.authority.ca, "--config", tmp_path / "bare.toml")
    assert shows_none[0] == 1  # this peer wants to see one
    code, said = send("--tls", "--config", tmp_path / "bare.toml")
    assert (code, "--ca, or [tls] ca" in said) == (2, True)
    stranger = Authority(tmp_path / "stranger", "a stranger")
    code, said = send("--tls", "--ca", stranger.ca, "--config", config)
    assert (code, "certificate not accepted" in said) == (1, True)
    assert send("--config", config)[0] == 1  # not encrypted
