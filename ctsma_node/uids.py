"""Which texts are UIDs that other objects can refer to."""

from __future__ import annotations

import re

_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)


def is_uid(text: str | None) -> bool:
    """Say whether a text is a UID of at most 64 characters: digits and single dots alone (PS3.5 9.1).

    Leading zeros in a component are let be: real equipment writes them, and the archive knows them.
    """
    return text is not None and len(text) <= 64 and _UID.fullmatch(text) is not None
