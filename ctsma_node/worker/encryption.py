"""How a destination is called over TLS: what it leaves out, `[tls]` says."""

from __future__ import annotations

from ctsma_node.config.settings import DestinationSettings, Settings
from ctsma_node.tls import ClientContext


def client_tls(settings: Settings, destination: DestinationSettings) -> ClientContext | None:
    """What the Storage SCU needs of certificates; None where the destination is called without TLS."""
    if not destination.tls:
        return None
    own, certificate, key = settings.tls, destination.tls_certificate, destination.tls_key
    if not certificate:
        certificate, key = own.certificate, own.key
    return ClientContext(
        ca=destination.tls_ca or own.ca,
        name=destination.tls_name or destination.host,
        certificate=certificate,
        key=key,
        sha256=destination.tls_certificate_sha256,
    )
