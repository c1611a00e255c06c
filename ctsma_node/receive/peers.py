"""Who may send: a source is known by its AE title *and* its address, and its certificate if it has one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import NamedTuple

from ctsma_node.config import SourceSettings
from ctsma_node.tls import fingerprint, names_in

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


NO_REASON_GIVEN = Rejection(1, 1, 1)
CALLING_AE_NOT_RECOGNIZED = Rejection(1, 1, 3)
CALLED_AE_NOT_RECOGNIZED = Rejection(1, 1, 7)
TEMPORARY_CONGESTION = Rejection(2, 3, 1)
LOCAL_LIMIT_EXCEEDED = Rejection(2, 3, 2)


class _Source:
    """One `[[sources]]`; host names are looked up once, when it is made."""

    def __init__(self, settings: SourceSettings) -> None:
        self._networks = [network for each in settings.addresses for network in _networks(each)]
        self._fingerprints = frozenset(settings.certificate_sha256)
        self._names = frozenset(name.lower() for name in settings.certificate_names)
        self._is_bound = settings.is_bound

    def has_address(self, address: str) -> bool:
        """Say whether it may connect from there."""
        return _contains(self._networks, address)

    def has_certificate(self, certificate: bytes | None) -> bool:
        """Say whether it may show this one (DER form), or none."""
        if not self._is_bound:
            return True
        if certificate is None:
            return False
        return fingerprint(certificate) in self._fingerprints or bool(self._names & names_in(certificate))


class Peers:
    """The allow-list."""

    def __init__(
        self,
        called_ae: str,
        sources: Sequence[SourceSettings],
        reporters: Sequence[SourceSettings] = (),
    ) -> None:
        self._called_ae = called_ae
        self.replace(sources, reporters)

    def replace(self, sources: Sequence[SourceSettings], reporters: Sequence[SourceSettings] = ()) -> None:
        """Let these in from now on, and nobody else; looks host names up again."""
        self._sources = _by_ae_title(sources)
        self._known = _by_ae_title([*sources, *reporters])

    @property
    def calling_ae_titles(self) -> list[str]:
        """AE titles that are known, from whatever address."""
        return list(self._known)

    def knows_address(self, address: str) -> bool:
        """Say whether any source may connect from there."""
        return any(each.has_address(address) for found in self._known.values() for each in found)

    def rejection(
        self, calling_ae: str, called_ae: str, address: str, certificate: bytes | None = None
    ) -> Rejection | None:
        """Return how to reject an association, or None when it is welcome.

        A source that is bound to certificates is not known without one of them, however it comes.
        """
        if not _welcome(self._known, calling_ae, address, certificate):
            return CALLING_AE_NOT_RECOGNIZED
        if called_ae.strip() != self._called_ae:
            return CALLED_AE_NOT_RECOGNIZED
        return None

    def may_store(self, calling_ae: str, address: str, certificate: bytes | None = None) -> bool:
        """Say whether the peer is a source, and not only one that reports what it has committed to."""
        return _welcome(self._sources, calling_ae, address, certificate)


def _by_ae_title(peers: Sequence[SourceSettings]) -> dict[str, list[_Source]]:
    found: dict[str, list[_Source]] = {}
    for peer in peers:
        found.setdefault(peer.ae_title, []).append(_Source(peer))
    return found


def _welcome(
    peers: dict[str, list[_Source]], calling_ae: str, address: str, certificate: bytes | None
) -> bool:
    named = peers.get(calling_ae.strip(), [])
    return any(each.has_address(address) and each.has_certificate(certificate) for each in named)


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
