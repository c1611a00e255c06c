"""DICOM over TLS: the connection profiles of PS3.15 annex B, and the certificates that they need."""

from ctsma_node.tls.client import CheckingContext, ClientContext, why
from ctsma_node.tls.credentials import Credentials, fingerprint, names_in
from ctsma_node.tls.revocation import days_left, read_lists
from ctsma_node.tls.server import ServerContext

__all__ = [
    "CheckingContext",
    "ClientContext",
    "Credentials",
    "ServerContext",
    "days_left",
    "fingerprint",
    "names_in",
    "read_lists",
    "why",
]
