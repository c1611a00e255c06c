"""What of changed settings a running service may take over, and what has to wait for its restart."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ctsma_node.config.section import Section
from ctsma_node.config.settings import Settings


class Reloaded(NamedTuple):
    """Settings as they hold after a reload."""

    settings: Settings
    taken: tuple[str, ...]  # settings that changed and hold now, as "[section] key" or "[[section]] name"
    waiting: tuple[str, ...]  # those that changed and hold after a restart


def reloaded(running: Settings, read: Settings, fixed: Collection[str], used: Collection[str]) -> Reloaded:
    """Return the running settings with every section that was read anew but the fixed ones.

    `used` are the sections that the service looks at, the fixed ones among them; the others change silently.
    """
    changed = [name for name in Settings.model_fields if getattr(running, name) != getattr(read, name)]
    update = {name: getattr(read, name) for name in changed if name not in fixed}
    told = {name: _different(name, getattr(running, name), getattr(read, name)) for name in changed}
    taken = [each for name in update if name in used for each in told[name]]
    waiting = [each for name in changed if name in fixed for each in told[name]]
    return Reloaded(running.model_copy(update=update), tuple(taken), tuple(waiting))


def _different(name: str, before: Any, after: Any) -> list[str]:
    """What differs of a section; of one that is a list, the entries that were added, changed or removed."""
    if isinstance(before, Section):
        keys = type(before).model_fields
        return [f"[{name}] {key}" for key in keys if getattr(before, key) != getattr(after, key)]
    entries = [each for each in (*before, *after) if not (each in before and each in after)]
    if not entries:
        return [f"[[{name}]] order"]
    return list(dict.fromkeys(f"[[{name}]] {_called(each)}" for each in entries))


def _called(entry: Any) -> str:
    """The name of a destination, or the AE title of a source."""
    return str(getattr(entry, "name", None) or entry.ae_title)
