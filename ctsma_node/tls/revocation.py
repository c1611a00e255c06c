"""Certificate revocation lists (RFC 5280 section 5): what a CA has taken back before its end."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from ctsma_node import log
from ctsma_node.errors import SettingsError

WARN_DAYS = 2
"""From so many days before its end a list is a warning in the log: CAs make a new one every day or week."""

_BLOCK = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n?", re.DOTALL)


def use_lists(context: ssl.SSLContext, path: Path, now: float) -> None:
    """Check every certificate of a peer's chain against the lists of a file, one for each CA.

    With a list that has ended OpenSSL takes no certificate of its CA: raises SettingsError then, as where the
    file holds no list, and warns before.
    """
    for crl in read_lists(path):
        days = days_left(crl, now)
        if days is not None and days < 0:
            raise SettingsError(f"A revocation list in {path} has ended; fetch the CA's next one.")
        if days is not None and days < WARN_DAYS:
            log.logger.warning("tls.crl_expires", path=str(path), count=days)
    context.load_verify_locations(path)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def read_lists(path: Path) -> list[x509.CertificateRevocationList]:
    """The lists of a PEM file, one at least. Raises SettingsError."""
    try:
        found = [x509.load_pem_x509_crl(block) for block in _BLOCK.findall(path.read_bytes())]
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        found = []
    if not found:
        raise SettingsError(f"{path} holds no certificate revocation list in PEM form.")
    return found


def days_left(crl: x509.CertificateRevocationList, now: float) -> int | None:
    """Whole days until a list ends, negative behind its end; None where it has none."""
    end = crl.next_update_utc
    return None if end is None else (end - datetime.fromtimestamp(now, UTC)).days
