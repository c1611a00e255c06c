"""Takes out of texts what identifies: UIDs and addresses become tokens, the same one for the same value.

Tokens are keyed with a secret that is drawn for each export and kept nowhere, so that nobody can try UIDs
until one fits. UIDs of the standard (SOP classes, transfer syntaxes) stay.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from typing import Any

_STANDARD = "1.2.840.10008."
_DOTTED = re.compile(r"(?<![\w.])\d+(?:\.\d+){3,}(?![\w.]*\d\.\d)")
_ADDRESS = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{32,64}(?![0-9a-f])")


class Pseudonyms:
    """The tokens of one export; `words` are names and hosts of the site, which become tokens, too."""

    def __init__(self, words: Collection[str] = ()) -> None:
        self._secret = secrets.token_bytes(32)
        longest_first = sorted(filter(None, words), key=len, reverse=True)
        named = "|".join(map(re.escape, longest_first))
        self._words = re.compile(rf"(?<![\w.-])(?:{named})(?![\w-])") if named else None

    def token(self, value: str) -> str:
        """Return what stands for a value."""
        return "#" + hmac.new(self._secret, value.encode(), hashlib.sha256).hexdigest()[:12]

    def text(self, text: str) -> str:
        """Replace every UID, address and hash in a sentence of the node's own."""
        for pattern in (self._words, _DOTTED, _ADDRESS, _HASH):
            if pattern is not None:
                text = pattern.sub(lambda found: self._kept_or_token(found[0]), text)
        return text

    def value(self, value: Any) -> Any:
        """Do so in every text of a JSON value, keys excepted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list | tuple) else value

    def _kept_or_token(self, value: str) -> str:
        return value if value.startswith(_STANDARD) else self.token(value)
