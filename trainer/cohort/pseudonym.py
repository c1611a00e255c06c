"""Pseudonyms, shifted dates and replaced UIDs: all from one secret of the site (keyed hashes, RFC 2104)."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ctsma_node.errors import SettingsError
from trainer.cohort.findings import PatientKey

SECRET_FILE = "pseudonym.key"
_BYTES = 32
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that is read as something else
_LONGEST_SHIFT_DAYS = 3650


@dataclass(frozen=True)
class Pseudonyms:
    """Without the secret, a pseudonym cannot be traced to a Patient ID, nor guessed from a list of IDs.

    `keep_ids` takes Patient IDs as they are: for synthetic patients and archives that have pseudonyms
    already.
    """

    secret: bytes = field(repr=False)
    keep_ids: bool = False

    def of(self, key: PatientKey) -> str:
        """The pseudonym of a patient: ten characters of 32, so that 10^6 patients clash with p = 4e-4."""
        if self.keep_ids:
            return _as_file_name("_".join(part for part in key if part))
        number = int.from_bytes(self._digest("patient", *key)[:8], "big")
        return "".join(_ALPHABET[number >> 5 * at & 31] for at in range(10))

    def uid(self, original: str) -> str:
        """The UID that stands for another, under 2.25 (PS3.5 B.2): the same for the same original."""
        raw = bytearray(self._digest("uid", original)[:16])
        raw[6] = raw[6] & 0x0F | 0x50
        raw[8] = raw[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(raw, 'big')}"

    def days(self, key: PatientKey) -> int:
        """How far all dates of a patient are moved back, in whole days: 1 to 3650."""
        number = int.from_bytes(self._digest("days", *key)[:8], "big")
        return -(1 + number % _LONGEST_SHIFT_DAYS)

    def mark(self, *parts: str) -> str:
        """Tells equal from unlike; without the secret it says nothing to whom it is shown."""
        return self._digest("mark", *parts)[:16].hex()

    def _digest(self, *parts: str) -> bytes:
        return hmac.new(self.secret, "\0".join(parts).encode(), hashlib.sha256).digest()


def _as_file_name(patient_id: str) -> str:
    """An ID that may name a folder; where characters had to go, a hash keeps it apart from others."""
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in patient_id)
    if plain == patient_id:
        return plain
    return f"{plain}-{hashlib.sha256(patient_id.encode()).hexdigest()[:6]}"


def read_secret(path: Path, *, make: bool = True) -> bytes:
    """The site's secret; made at first use, readable by its owner alone.

    Not `make`: for what must be told by the same secret as before, where a new one would pass unnoticed.
    Raises SettingsError for a file that is no secret or that others may read.
    """
    if not make and not path.exists():
        raise SettingsError(
            f"{path}: no secret is there; name the one that the manifest was made with: --secret"
        )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _existing(path)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _existing(path)


def _existing(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path}: others may read the secret; run: chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise SettingsError(f"{path}: not a secret (64 hexadecimal digits); move it away to have one made")
    return secret
