"""Whether all that a stage has learned from was drawn, by the records of the folders that it read.

A bundle may say that there is no patient in it only where every record says so.
"""

from __future__ import annotations

import json
from pathlib import Path

from trainer.stage import MANIFEST

ALL_DRAWN = "all_drawn"
"""The key of a record's settings."""


def all_drawn_below(*folders: Path) -> bool:
    """Whether the record of each folder proves it; older ones, which do not say, prove nothing."""
    return all(_proves(folder / MANIFEST) for folder in folders)


def _proves(record: Path) -> bool:
    try:
        return json.loads(record.read_text(encoding="utf-8"))["settings"].get(ALL_DRAWN) is True
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
