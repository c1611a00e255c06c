"""The requestor's side of TLS: who is at the other end is known before a byte of DICOM is sent."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.tls.credentials import Credentials, fingerprint
from ctsma_node.tls.profile import new_context


@dataclass(frozen=True, slots=True)
class ClientContext:
    """How a destination is called over TLS. Its files are read for every association anew."""

    ca: str  # PEM file
    name: str  # that its certificate must hold, where no fingerprint is asked for
    certificate: str = ""  # PEM file of ours; "": we show none
    key: str = ""
    crl: str = ""  # PEM file of revocation lists; "": none is asked
    sha256: tuple[str, ...] = ()  # fingerprints, one of which its certificate must have, instead of the name

    def context(self) -> CheckingContext:
        """The context of one association. Raises SettingsError where a file is not what it should be."""
        credentials, now = None, time.time()
        if self.certificate:
            credentials = Credentials(Path(self.certificate), Path(self.key))
            credentials.check(now)
        context = new_context(ssl.PROTOCOL_TLS_CLIENT, credentials, self.ca, CheckingContext, self.crl, now)
        context.check_hostname = not self.sha256
        context.wanted = frozenset(self.sha256)
        return context


class CheckingContext(ssl.SSLContext):
    """Remembers why a handshake failed: pynetdicom drops the exception."""

    wanted: frozenset[str] = frozenset()
    failure: str | None = None


class _CheckedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        """Do the handshake, and compare the fingerprint where one is asked for."""
        context = self.context
        assert isinstance(context, CheckingContext)
        try:
            super().do_handshake(block)
        except OSError as error:
            context.failure = why(error)
            raise
        if context.wanted and fingerprint(self.getpeercert(True) or b"") not in context.wanted:
            context.failure = "the certificate is not the one that tls_certificate_sha256 names"
            raise ssl.SSLError(context.failure)


CheckingContext.sslsocket_class = _CheckedSocket


def why(error: OSError) -> str:
    """Say why a handshake failed: a constant of OpenSSL's, nothing that the peer sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or type(error).__name__).lower().replace("_", " ")
    return "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or "closed")
