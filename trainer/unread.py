"""Scans that could not be read: that is no answer about them, for the archive may be back by the next run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ctsma_node.errors import Refused

UNREAD = "unread"
"""The key that marks a kept refusal."""
_CODES = frozenset({"unreadable_files", "undecodable_pixels", "series_changed"})
"""By which one is known that was kept before there was a mark."""


class NotRead(Refused):
    """Refused while it was read."""


@contextmanager
def reading() -> Iterator[None]:
    """What is refused within is refused by the reading."""
    try:
        yield
    except Refused as refused:
        raise NotRead(refused.code, refused.reason) from refused


def mark_of(refused: Refused) -> dict[str, bool]:
    """What is kept with a refusal, so that the next run reads the scans again."""
    return {UNREAD: True} if isinstance(refused, NotRead) else {}


def is_unread(kept: Mapping[str, Any]) -> bool:
    """Whether what is kept of a pair says no more than that it could not be read."""
    return UNREAD in kept or ("code" in kept and str(kept["code"]) in _CODES)
