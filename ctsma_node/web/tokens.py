"""Two tokens: whoever asks for something must know the one; whoever reads, where it is set, the other."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from pathlib import Path

from ctsma_node.errors import SettingsError
from ctsma_node.spool import write_durably

_BYTES = 24
_SHORTEST = 16


class Token:
    """A secret, compared in constant time."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def is_same(self, offered: str) -> bool:
        """Whether somebody knows it."""
        return hmac.compare_digest(self._secret, offered.encode())

    def is_in(self, authorization: str) -> bool:
        """Whether an Authorization header bears it: Bearer (RFC 6750), or as Basic's password (RFC 7617)."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self.is_same(credentials.strip())
        if scheme.lower() != "basic":
            return False
        try:
            _, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self.is_same(password)


def acting_token(path: Path) -> Token:
    """The token for asking; it is made, readable by the node's user alone, where there is none yet."""
    if not path.exists():
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)  # of a page that died while it wrote
        write_durably(path, [f"{secrets.token_urlsafe(_BYTES)}\n".encode()])
    return read_token(path)


def read_token(path: Path) -> Token:
    """The token of a file. Raises SettingsError where others may read it, or it is too short to be one."""
    try:
        secret, mode = path.read_text(encoding="utf-8").strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__}).") from None
    if mode & 0o077:
        raise SettingsError(f"{path} can be read by others: chmod 600 {path}")
    if len(secret) < _SHORTEST:
        raise SettingsError(f"{path}: a token has at least {_SHORTEST} characters.")
    return Token(secret)
