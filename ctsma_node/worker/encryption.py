"""How a destination or a source is called over TLS: what it leaves out, `[tls]` says."""

from __future__ import annotations

from ctsma_node.config.peers import CalledSettings
from ctsma_node.config.settings import Settings
from ctsma_node.tls import ClientContext


def client_tls(settings: Settings, peer: CalledSettings) -> ClientContext | None:
    """What an SCU needs of certificates; None where the peer is called without TLS."""
    if not peer.tls:
        return None
    own, certificate, key = settings.tls, peer.tls_certificate, peer.tls_key
    if not certificate:
        certificate, key = own.certificate, own.key
    return ClientContext(
        ca=peer.tls_ca or own.ca,
        name=peer.tls_name or peer.host,
        certificate=certificate,
        key=key,
        crl=peer.tls_crl or ("" if peer.tls_ca else own.crl),  # of other CAs [tls] has no lists
        sha256=peer.tls_certificate_sha256,
    )
