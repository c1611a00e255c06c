"""What of changed settings a running service may take over, and what has to wait for its restart."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ctsma_node.config.settings import Settings


class Reloaded(NamedTuple):
    """Settings as they hold after a reload."""

    settings: Settings
    taken: tuple[str, ...]  # sections that changed and hold now
    waiting: tuple[str, ...]  # settings that changed and hold after a restart, as "[section] key"


def reloaded(running: Settings, read: Settings, fixed: Collection[str], used: Collection[str]) -> Reloaded:
    """Return the running settings with every section that was read anew but the fixed ones.

    `used` are the sections that the service looks at, the fixed ones among them; the others change silently.
    """
    changed = [name for name in Settings.model_fields if getattr(running, name) != getattr(read, name)]
    update = {name: getattr(read, name) for name in changed if name not in fixed}
    waiting = [
        f"[{name}] {key}"
        for name in changed
        if name in fixed
        for key in _different(getattr(running, name), getattr(read, name))
    ]
    taken = [name for name in update if name in used]
    return Reloaded(running.model_copy(update=update), tuple(taken), tuple(waiting))


def _different(before: Any, after: Any) -> list[str]:
    return [key for key in type(before).model_fields if getattr(before, key) != getattr(after, key)]
