"""The certificates that the settings name: readable, in their time, and their keys nobody else's."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from ctsma_node.cli.doctor.finding import Finding, ok, skipped, warning, wrong
from ctsma_node.config import Settings
from ctsma_node.errors import SettingsError
from ctsma_node.tls import days_left, read_lists
from ctsma_node.tls.revocation import WARN_DAYS

_SOON_DAYS = 30
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_RENEW = "Put a new certificate in its place: new associations have it at once, the page after a reload."


def examine(settings: Settings) -> Iterator[Finding]:
    """Every PEM file of `[tls]`, of the page and of the destinations, once each."""
    certificates, keys, lists = _named(settings)
    if not certificates and not keys:
        yield skipped("TLS", "certificates", "no certificate is configured")
    for path in certificates:
        yield from certificate_findings(Path(path), time.time())
    for path in keys:
        yield _key(Path(path))
    for path in lists:
        yield list_finding(Path(path), time.time())


def certificate_findings(path: Path, now: float) -> Iterator[Finding]:
    """One for each certificate of a PEM file."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        yield wrong("TLS", path.name, f"{path} holds no readable certificate", "Give a file in PEM form.")
        return
    at = datetime.fromtimestamp(now, UTC)
    for number, each in enumerate(chain):
        what = f"{path.name} {number + 1}/{len(chain)}"
        days = (each.not_valid_after_utc - at).days
        if at < each.not_valid_before_utc:
            yield wrong("TLS", what, "not valid yet", "Look at the machine's clock.")
        elif at >= each.not_valid_after_utc:
            yield wrong("TLS", what, "expired", _RENEW)
        elif days < _SOON_DAYS:
            yield warning("TLS", what, f"expires in {days} days", _RENEW)
        else:
            yield ok("TLS", what, f"valid for {days} days")
    for upper, lower in zip(chain[1:], chain, strict=False):
        if lower.issuer != upper.subject:
            remedy = "Put the node's own certificate first, then each one's issuer."
            yield wrong("TLS", path.name, "the certificates do not form a chain", remedy)
            return


def list_finding(path: Path, now: float) -> Finding:
    """Revocation lists, by the one that ends first."""
    fetch = "Fetch the CA's next list into this file: a job of the machine's, as often as the CA makes one."
    try:
        ends = [days for each in read_lists(path) if (days := days_left(each, now)) is not None]
    except SettingsError as error:
        return wrong(
            "TLS", path.name, str(error), "Give the CA's lists in PEM form: openssl crl -inform DER."
        )
    days = min(ends, default=None)
    if days is None:
        return ok("TLS", path.name, "revocation lists without an end")
    if days < 0:
        return wrong("TLS", path.name, "a revocation list has ended: nobody of its CA gets in", fetch)
    text = f"the revocation lists end in {days} days"
    return warning("TLS", path.name, text, fetch) if days < WARN_DAYS else ok("TLS", path.name, text)


def _key(path: Path) -> Finding:
    try:
        is_open = bool(path.stat().st_mode & _OTHERS)
    except OSError as error:
        return wrong("TLS", path.name, f"{path}: {error.strerror}", "Name the private key's file.")
    if is_open:
        return wrong("TLS", path.name, f"{path} can be read by others", f"chmod 600 {path}; renew it.")
    return ok("TLS", path.name, "for its owner alone")


def _named(settings: Settings) -> tuple[list[str], list[str], list[str]]:
    """Paths of certificates, of keys and of revocation lists, wherever a section has such settings."""
    queried = (each.query for each in settings.sources if each.query is not None)
    called = [each for each in settings.destinations if each.kind == "dicom"]
    holders = [(settings.tls, ""), *((each, "tls_") for each in (settings.web, *called, *queried))]
    found = [
        [getattr(holder, prefix + name, "") for holder, prefix in holders]  # the page asks for no lists
        for name in ("certificate", "key", "crl")
    ]
    certificates, keys, lists = ([path for path in dict.fromkeys(each) if path] for each in found)
    return certificates, keys, lists
