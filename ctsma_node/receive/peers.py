"""Who may send: a source is known by its AE title *and* its address; everybody else is refused."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import NamedTuple

from ctsma_node.config import SourceSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


CALLING_AE_NOT_RECOGNIZED = Rejection(1, 1, 3)
CALLED_AE_NOT_RECOGNIZED = Rejection(1, 1, 7)


class Peers:
    """The allow-list; host names are looked up once, when it is made."""

    def __init__(
        self,
        called_ae: str,
        sources: Sequence[SourceSettings],
        reporters: Sequence[SourceSettings] = (),
    ) -> None:
        self._called_ae = called_ae
        self._sources = _by_ae_title(sources)
        self._networks = _by_ae_title([*sources, *reporters])

    @property
    def calling_ae_titles(self) -> list[str]:
        """AE titles that are known, from whatever address."""
        return list(self._networks)

    def knows_address(self, address: str) -> bool:
        """Say whether any source may connect from there."""
        return any(_contains(networks, address) for networks in self._networks.values())

    def rejection(self, calling_ae: str, called_ae: str, address: str) -> Rejection | None:
        """Return how to reject an association, or None when it is welcome."""
        if not _contains(self._networks.get(calling_ae.strip(), []), address):
            return CALLING_AE_NOT_RECOGNIZED
        if called_ae.strip() != self._called_ae:
            return CALLED_AE_NOT_RECOGNIZED
        return None

    def may_store(self, calling_ae: str, address: str) -> bool:
        """Say whether the peer is a source, and not only one that reports what it has committed to."""
        return _contains(self._sources.get(calling_ae.strip(), []), address)


def _by_ae_title(peers: Sequence[SourceSettings]) -> dict[str, list[Network]]:
    found: dict[str, list[Network]] = {}
    for peer in peers:
        networks = found.setdefault(peer.ae_title, [])
        networks.extend(network for each in peer.addresses for network in _networks(each))
    return found


def _networks(text: str) -> list[Network]:
    try:
        return [ipaddress.ip_network(text)]
    except ValueError:
        return [ipaddress.ip_network(address) for address in _look_up(text)]


def _look_up(host: str) -> set[str]:
    """Addresses of a host name; none when it is not known, so nobody gets in by it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(entry[4][0]).partition("%")[0] for entry in found}


def _contains(networks: Sequence[Network], text: str) -> bool:
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
