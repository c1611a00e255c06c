"""The node's own certificate and key, what they must be like, and how a peer's certificate is told apart."""

from __future__ import annotations

import hashlib
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from ctsma_node import log
from ctsma_node.errors import SettingsError

WARN_DAYS = 30
"""From so many days before its end a certificate's expiry is a warning in the log."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate chain in PEM form, the node's own first, and its private key."""

    certificate: Path
    key: Path

    def check(self, now: float) -> int:
        """Return for how many days the certificate is still valid, and warn where they are few.

        Raises SettingsError with what to do: a key that others can read, a certificate out of its time.
        """
        _refuse_open_key(self.key)
        certificate = _read(self.certificate)
        at = datetime.fromtimestamp(now, UTC)
        if at < certificate.not_valid_before_utc:
            raise SettingsError(f"{self.certificate} is not valid yet; is the machine's clock right?")
        days = (certificate.not_valid_after_utc - at).days
        if at >= certificate.not_valid_after_utc:
            raise SettingsError(f"{self.certificate} has expired; put a new certificate in its place.")
        if days < WARN_DAYS:
            log.logger.warning("tls.certificate_expires", path=str(self.certificate), count=days)
        return days

    def use_in(self, context: ssl.SSLContext) -> None:
        """Load both into a context. Raises SettingsError where they are unreadable or no pair."""
        try:
            context.load_cert_chain(self.certificate, self.key, self._no_passphrase)
        except ssl.SSLError as error:
            why = "do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be used"
            reason = f" ({error.reason})" if error.reason else ""
            raise SettingsError(f"{self.certificate} and {self.key} {why}{reason}.") from None
        except OSError as error:
            raise SettingsError(f"{self.certificate} or {self.key}: {error.strerror}.") from None

    def _no_passphrase(self) -> str:
        """A service has nobody to ask; without this OpenSSL would ask the terminal."""
        raise SettingsError(f"{self.key} is encrypted: store the key without a passphrase (mode 600).")


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER form, 64 hexadecimal digits."""
    return hashlib.sha256(certificate).hexdigest()


def names_in(certificate: bytes) -> frozenset[str]:
    """The names of a certificate in DER form, in lower case: its DNS names and IP addresses.

    A certificate without the extension that holds these (RFC 5280 section 4.2.1.6) is known by its common
    name, as many devices' certificates are. None where it cannot be read.
    """
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        common = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return frozenset(str(each.value).lower() for each in common)
    except ValueError:
        return frozenset()
    hosts = extension.value.get_values_for_type(x509.DNSName)
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return frozenset([each.lower() for each in hosts] + [str(each) for each in addresses])


def _refuse_open_key(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{key} cannot be read: {error.strerror}.") from None
    if mode & _OTHERS:
        raise SettingsError(
            f"{key} can be read or written by others than its owner: the key may be known already. "
            f"Let the service own it (chown ctsma-node {key}) and nobody else read it (chmod 600 {key})."
        )


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise SettingsError(f"{path} holds no certificate in PEM form.") from None
