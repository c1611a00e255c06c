"""Who may send: AE title and address together."""

from __future__ import annotations

import socket

import pytest

from ctsma_node.config import Settings, SourceSettings
from ctsma_node.receive.peers import CALLED_AE_NOT_RECOGNIZED, CALLING_AE_NOT_RECOGNIZED, Peers
from ctsma_node.receive.reports import reporters

PEERS = Peers(
    "CTSMA",
    [
        SourceSettings(ae_title="PACS", addresses=("192.0.2.10", "2001:db8::/32")),
        SourceSettings(ae_title="CT1", addresses=("10.1.0.0/16",)),
        SourceSettings(ae_title="CT1", addresses=("10.2.0.1",)),
    ],
)


@pytest.mark.parametrize(
    ("calling", "address"),
    [
        ("PACS", "192.0.2.10"),
        ("PACS ", "::ffff:192.0.2.10"),
        ("PACS", "2001:db8::1"),
        ("CT1", "10.1.255.3"),
        ("CT1", "10.2.0.1"),
    ],
)
def test_a_source_is_welcome(calling: str, address: str) -> None:
    assert PEERS.knows_address(address)
    assert PEERS.rejection(calling, "CTSMA ", address) is None


@pytest.mark.parametrize(
    ("calling", "address"),
    [
        ("PACS", "10.1.0.1"),  # a source's address, but not this one's
        ("CT1", "192.0.2.10"),
        ("pacs", "192.0.2.10"),
        ("", "192.0.2.10"),
        ("PACS", "192.0.2.11"),
        ("PACS", ""),
        ("PACS", "fe80::1%eth0"),
    ],
)
def test_anybody_else_is_rejected(calling: str, address: str) -> None:
    assert PEERS.rejection(calling, "CTSMA", address) == CALLING_AE_NOT_RECOGNIZED


def test_a_wrong_called_ae_is_rejected_after_the_calling_one() -> None:
    assert PEERS.rejection("PACS", "OTHER", "192.0.2.10") == CALLED_AE_NOT_RECOGNIZED
    assert PEERS.rejection("NOBODY", "OTHER", "192.0.2.10") == CALLING_AE_NOT_RECOGNIZED


def test_without_sources_nobody_is_known() -> None:
    nobody = Peers("CTSMA", [])
    assert not nobody.knows_address("127.0.0.1")
    assert nobody.rejection("PACS", "CTSMA", "127.0.0.1") == CALLING_AE_NOT_RECOGNIZED


def test_a_host_name_stands_for_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, *_: object, **__: object) -> list[object]:
        if host != "pacs.example":
            raise socket.gaierror("unknown")
        return [(0, 0, 0, "", ("192.0.2.7", 0)), (0, 0, 0, "", ("fe80::2%eth0", 0, 0, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    peers = Peers("CTSMA", [SourceSettings(ae_title="P", addresses=("pacs.example", "gone.example"))])
    assert peers.rejection("P", "CTSMA", "192.0.2.7") is None
    assert peers.knows_address("fe80::2%eth0")
    assert not peers.knows_address("192.0.2.8")


def test_a_destination_may_report_and_not_store() -> None:
    archive = SourceSettings(ae_title="ARCHIVE", addresses=("192.0.2.20",))
    peers = Peers("CTSMA", [SourceSettings(ae_title="PACS", addresses=("192.0.2.10",))], [archive])
    assert peers.knows_address("192.0.2.20")
    assert peers.rejection("ARCHIVE", "CTSMA", "192.0.2.20") is None
    assert peers.rejection("ARCHIVE", "CTSMA", "192.0.2.10") == CALLING_AE_NOT_RECOGNIZED
    assert not peers.may_store("ARCHIVE", "192.0.2.20")
    assert peers.may_store("PACS ", "192.0.2.10")


def test_reporting_opens_no_way_around_a_certificate() -> None:
    """A source that is bound to a certificate is not let in without it because it is a destination, too."""
    settings = Settings.model_validate(
        {
            "tls": {"certificate": "c", "key": "k", "ca": "a"},
            "sources": [
                {"ae_title": "PACS", "addresses": ["192.0.2.10"], "certificate_names": ["pacs.example"]}
            ],
            "destinations": [
                {"name": name, "ae_title": name, "host": "192.0.2.10", "port": 104, "proof": "commitment"}
                for name in ("PACS", "ARCHIVE")
            ],
        }
    )
    assert [each.ae_title for each in reporters(settings)] == ["ARCHIVE"]
    peers = Peers("CTSMA", settings.sources, reporters(settings))
    assert peers.rejection("PACS", "CTSMA", "192.0.2.10") == CALLING_AE_NOT_RECOGNIZED
