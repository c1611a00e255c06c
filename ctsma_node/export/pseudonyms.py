"""Takes out of texts what identifies: UIDs, addresses, paths become tokens, the same one for the same value.

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
_DOTTED = re.compile(r"(?<![\w.])\d+(?:\.\d+)+")
_LONG = 6
"""Digits of a number that no version has, and a UID of few components does."""

_URL = re.compile(r"https?://[^\s\"'<>]*[\w/]")
_PATH = re.compile(r"(?<![\w./])/(?:[\w.+@-]+/)+[\w+@-]+(?:\.[\w+@-]+)*")
_ADDRESS = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{32,64}(?![0-9a-f])")


class Pseudonyms:
    """The tokens of one export; `words` are names and hosts of the site, `uids` those of the case."""

    def __init__(self, words: Collection[str] = (), uids: Collection[str] = ()) -> None:
        self._secret = secrets.token_bytes(32)
        self._uids = frozenset(uids)
        words = {*words, *(uid for uid in uids if not _DOTTED.fullmatch(uid))}
        longest_first = sorted(filter(None, words), key=len, reverse=True)
        named = "|".join(map(re.escape, longest_first))
        self._words = re.compile(rf"(?<![\w.-])(?:{named})(?![\w-])") if named else None

    def token(self, value: str) -> str:
        """Return what stands for a value."""
        return "#" + hmac.new(self._secret, value.encode(), hashlib.sha256).hexdigest()[:12]

    def text(self, text: str) -> str:
        """Replace every word, UID, address, path and hash in a sentence of the node's own."""
        for pattern in (self._words, _URL, _PATH):
            if pattern is not None:
                text = pattern.sub(lambda found: self.token(found[0]), text)
        text = _DOTTED.sub(lambda found: self._number_or_token(found[0]), text)
        for pattern in (_ADDRESS, _HASH):
            text = pattern.sub(lambda found: self.token(found[0]), text)
        return text

    def value(self, value: Any) -> Any:
        """Do so in every text of a JSON value, keys excepted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list | tuple) else value

    def _number_or_token(self, value: str) -> str:
        """A number with dots in it: a UID or an address becomes a token, a measure or a version stays."""
        if value in self._uids:
            return self.token(value)
        parts = value.split(".")
        is_uid = len(parts) > 3 or (len(parts) > 2 and max(map(len, parts)) >= _LONG)
        return self.token(value) if is_uid and not value.startswith(_STANDARD) else value
