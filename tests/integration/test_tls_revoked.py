"""Certificates that their CA has taken back: no peer gets in by one, and no destination is sent anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from ctsma_node.cli.doctor.certificates import list_finding
from ctsma_node.cli.doctor.finding import Verdict
from ctsma_node.config import DestinationSettings, Settings, SourceSettings
from ctsma_node.config.settings import LimitSettings, NodeSettings, TlsSettings
from ctsma_node.deliver import Peer, echo
from ctsma_node.errors import SettingsError
from ctsma_node.receive.server import Receiver
from ctsma_node.tls import ClientContext, ServerContext
from ctsma_node.worker.routes import peer_of
from tests.acceptance.site import until
from tests.fixtures.certificates import DAY, Authority, Issued

LIMITS = {"connect_s": 5.0, "acse_s": 5.0, "dimse_s": 5.0, "network_s": 5.0}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def tls_of(authority: Authority, own: Issued, crl: Path) -> TlsSettings:
    files = {"certificate": own.certificate, "key": own.key, "ca": authority.ca, "crl": crl}
    return TlsSettings.model_validate({"port": 0} | {name: str(path) for name, path in files.items()})


def settings_of(folder: Path, tls: TlsSettings, *destinations: DestinationSettings) -> Settings:
    return Settings(
        node=NodeSettings(port=0, state_dir=folder / "state"),
        sources=(SourceSettings(ae_title="PACS", addresses=("127.0.0.1",)),),
        destinations=destinations,
        tls=tls,
        limits=LimitSettings(min_free_bytes=0, drain_s=1.0),
    )


def calls(authority: Authority, port: int, shown: Issued) -> tuple[bool, str]:
    tls = ClientContext(str(authority.ca), "localhost", str(shown.certificate), str(shown.key))
    return echo(Peer("127.0.0.1", port, "CTSMA", "PACS", tls=tls, **LIMITS))


def test_a_revoked_source_is_out_from_the_next_association_on(authority: Authority, tmp_path: Path) -> None:
    own, pacs, other = (authority.issue(name, "localhost") for name in ("node", "pacs", "other"))
    tls = tls_of(authority, own, authority.revoke(other))
    receiver = Receiver(settings_of(tmp_path, tls))
    with structlog.testing.capture_logs() as logs:
        receiver.start()
        try:
            assert calls(authority, receiver.tls_port, pacs)[0]
            assert not calls(authority, receiver.tls_port, other)[0]
            authority.revoke(other, pacs)  # the CA's next list, in the same file
            until(lambda: not calls(authority, receiver.tls_port, pacs)[0], "the new list")
        finally:
            receiver.stop()
    assert "revoked" in str([each for each in logs if "handshake" in str(each)])


@pytest.fixture
def archive(authority: Authority) -> Iterator[Callable[[Issued], int]]:
    """Starts an SCP over TLS, and gives its port."""
    running: list[AE] = []

    def start(own: Issued) -> int:
        ae = AE(ae_title="PACS")
        for each in (Verification, CTImageStorage):
            ae.add_supported_context(each)
        context = ServerContext(
            TlsSettings(certificate=str(own.certificate), key=str(own.key), ca=str(authority.ca))
        ).current()
        server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
        assert server is not None
        running.append(ae)
        return int(server.server_address[1])

    yield start
    for each in running:
        each.shutdown()


def test_a_revoked_destination_is_not_called(
    authority: Authority, archive: Callable[[Issued], int], tmp_path: Path
) -> None:
    own, theirs = authority.issue("node"), authority.issue("pacs", "localhost")
    port = archive(theirs)

    def reached(crl: Path, **more: Any) -> tuple[bool, str]:
        given = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, "tls": True}
        destination = DestinationSettings.model_validate(given | {"tls_name": "localhost"} | more)
        return echo(peer_of(settings_of(tmp_path, tls_of(authority, own, crl), destination), destination))

    assert reached(authority.revoke()) == (True, "answers")
    answers, said = reached(authority.revoke(theirs))
    assert (answers, said.endswith("certificate not accepted: certificate revoked")) == (False, True)
    other_ca = {"tls_ca": str(authority.ca)}  # of which [tls] has no list
    assert reached(authority.revoke(theirs), **other_ca)[0]
    assert not reached(authority.revoke(theirs), **other_ca, tls_crl=str(authority.revoke(theirs)))[0]


@pytest.mark.parametrize(
    ("left", "verdict", "warned"),
    [(9 * DAY, Verdict.OK, 0), (DAY, Verdict.WARNING, 1), (-DAY / 2, Verdict.WRONG, 0)],
)
def test_a_list_that_ends_is_told(
    authority: Authority, left: timedelta, verdict: Verdict, warned: int
) -> None:
    own, crl = authority.issue("node"), authority.revoke(valid=(-9 * DAY, left + DAY / 4))
    assert list_finding(crl, time.time()).verdict is verdict
    with structlog.testing.capture_logs() as logs:
        if verdict is Verdict.WRONG:
            with pytest.raises(SettingsError, match="fetch the CA's next one"):
                ServerContext(tls_of(authority, own, crl))
        else:
            ServerContext(tls_of(authority, own, crl))
    assert [each["event"] for each in logs] == ["tls.crl_expires"] * warned


def test_a_file_without_a_list_is_named(authority: Authority) -> None:
    own = authority.issue("node")
    with pytest.raises(SettingsError, match="holds no certificate revocation list"):
        ServerContext(tls_of(authority, own, authority.ca))
    with pytest.raises(SettingsError, match="No such file"):
        ServerContext(tls_of(authority, own, authority.ca.with_name("none.pem")))
    assert list_finding(authority.ca, 0.0).verdict is Verdict.WRONG
