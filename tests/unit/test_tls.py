"""The node's certificate and key, what TLS is agreed to, and how peers' certificates are told apart."""

from __future__ import annotations

import os
import ssl
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from ctsma_node.config.settings import TlsSettings
from ctsma_node.errors import SettingsError
from ctsma_node.tls import ClientContext, Credentials, ServerContext, fingerprint, names_in
from ctsma_node.tls.profile import SUITES
from tests.fixtures.certificates import DAY, Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def settings_of(own: Issued, authority: Authority, **more: Any) -> TlsSettings:
    return TlsSettings(certificate=str(own.certificate), key=str(own.key), ca=str(authority.ca), **more)


def complaint(own: Issued, authority: Authority) -> str:
    with pytest.raises(SettingsError) as caught:
        ServerContext(settings_of(own, authority))
    return str(caught.value)


def test_nothing_older_than_tls_1_2_and_only_the_profiles_suites(authority: Authority) -> None:
    own = authority.issue("node", "localhost")
    server = ServerContext(settings_of(own, authority)).current()
    client = ClientContext(str(authority.ca), "localhost").context()
    for context in (server, client):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED
        older = {str(each["name"]) for each in context.get_ciphers() if each["protocol"] == "TLSv1.2"}
        assert older == set(SUITES)
    assert client.check_hostname


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_write_is_refused(authority: Authority, mode: int) -> None:
    text = complaint(authority.issue("node", mode=mode), authority)
    assert "by others" in text
    assert "chmod 600" in text


@pytest.mark.parametrize(
    ("valid", "said"), [((-9 * DAY, -DAY), "has expired"), ((DAY, 9 * DAY), "not valid yet")]
)
def test_a_certificate_out_of_its_time_is_refused(
    authority: Authority, valid: tuple[timedelta, timedelta], said: str
) -> None:
    assert said in complaint(authority.issue("node", valid=valid), authority)


@pytest.mark.parametrize(("left", "warned"), [(29 * DAY, True), (31 * DAY, False)])
def test_a_certificate_that_ends_soon_is_a_warning(
    authority: Authority, left: timedelta, warned: bool
) -> None:
    own = authority.issue("node", valid=(-DAY, left))
    with structlog.testing.capture_logs() as logs:
        days = Credentials(own.certificate, own.key).check(time.time())
    assert days == left.days - 1
    assert [each["event"] for each in logs] == ["tls.certificate_expires"] * warned


def test_files_that_are_no_pair_or_not_there_are_named(authority: Authority, tmp_path: Path) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    assert "do not belong together" in complaint(Issued(one.certificate, other.key), authority)
    assert "No such file" in complaint(Issued(one.certificate, tmp_path / "none"), authority)
    assert "no certificate in PEM" in complaint(Issued(one.key, one.key), authority)
    authority.ca.write_text("nothing")
    assert "no certificates in PEM" in complaint(one, authority)


def test_renewed_files_serve_the_next_connection_and_bad_ones_do_not(authority: Authority) -> None:
    """However the system's clock is set meanwhile."""
    own, now = authority.issue("node"), [1000.0]
    server = ServerContext(settings_of(own, authority), lambda: time.time() - now[0], lambda: now[0])
    first = server.current()
    assert server.current() is first
    authority.issue("node")  # in the same files
    now[0] += 2
    second = server.current()
    assert second is not first
    own.key.chmod(0o644)
    os.utime(own.key, (1, 1))
    now[0] += 2
    with structlog.testing.capture_logs() as logs:
        assert server.current() is second
        assert server.current() is second
    assert [each["event"] for each in logs] == ["tls.not_renewed"]


def test_names_are_those_of_the_extension_or_else_the_common_name(authority: Authority) -> None:
    assert names_in(authority.issue("PACS").der) == {"pacs"}
    named = authority.issue("PACS", "Pacs.Example", "192.0.2.1")
    assert names_in(named.der) == {"pacs.example", "192.0.2.1"}
    assert fingerprint(named.der) == named.sha256
    assert names_in(b"nothing") == frozenset()
