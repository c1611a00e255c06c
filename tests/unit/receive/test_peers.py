"""Who may send: AE title and address together."""

from __future__ import annotations

import socket

import pytest

from ctsma_node.config import SourceSettings
from ctsma_node.receive.peers import CALLED_AE_NOT_RECOGNIZED, CALLING_AE_NOT_RECOGNIZED, Peers

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
