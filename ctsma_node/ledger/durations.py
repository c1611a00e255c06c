"""How long things took and how cases ended, read off the history once: it is only ever added to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.ledger.sqlite import Reader

_BETWEEN = "event.id > ? AND event.id <= ?"

# The first claim there ever was of a case's first step: to assemble and to judge it.
_TO_START = f"""
    SELECT 'start' AS what, '' AS name, '' AS code, event.at - revision.last_instance_at AS seconds
    FROM event JOIN revision ON revision.id = event.revision_id
    WHERE {_BETWEEN} AND event.action = 'claimed' AND event.from_state = 'stable' AND NOT EXISTS (
        SELECT 1 FROM event AS earlier WHERE earlier.revision_id = event.revision_id
        AND earlier.id < event.id AND earlier.action = 'claimed')"""

_ENDS = f"""
    SELECT 'end' AS what, to_state AS name, coalesce(event.code, '') AS code,
           event.at - revision.last_instance_at AS seconds
    FROM event JOIN revision ON revision.id = event.revision_id
    WHERE {_BETWEEN} AND action = 'moved' AND to_state IN ('delivered', 'refused', 'failed')"""

# The first time alone: what is sent again long after is not what anybody waited for.
_TO_DELIVERED = f"""
    SELECT 'delivered' AS what, '' AS name, '' AS code, event.at - revision.last_instance_at AS seconds
    FROM event JOIN revision ON revision.id = event.revision_id
    WHERE {_BETWEEN} AND event.action = 'moved' AND event.to_state = 'delivered' AND NOT EXISTS (
        SELECT 1 FROM event AS earlier WHERE earlier.revision_id = event.revision_id
        AND earlier.id < event.id AND earlier.action = 'moved' AND earlier.to_state = 'delivered')"""

_STEPS = f"""
    SELECT 'step' AS what, to_state AS name, '' AS code, json_extract(facts, '$.seconds') AS seconds
    FROM event WHERE {_BETWEEN} AND action = 'moved' AND json_extract(facts, '$.seconds') IS NOT NULL"""

_STAGES = f"""
    SELECT 'stage' AS what, substr(fact.key, 12) AS name, '' AS code, fact.value AS seconds
    FROM event, json_each(event.facts) AS fact
    WHERE {_BETWEEN} AND event.action = 'moved' AND fact.key LIKE 'seconds in %'"""

_QUERIES = (_TO_START, _TO_DELIVERED, _ENDS, _STEPS, _STAGES)


@dataclass(frozen=True, slots=True)
class Duration:
    """Something that took time. What `name` is depends on `what`.

    `start`, `delivered`: from a case's last instance to its first step, and until its set was delivered for
    the first time; no name. `end`: from its last instance to an end; the state that it ended in, and the
    code. `step`: the state that a step led to. `stage`: of an analysis.
    """

    what: str
    name: str
    code: str
    seconds: float


class Durations:
    """Gives each duration once, also to one who asks again and again."""

    def __init__(self, path: Path) -> None:
        self._rows = Reader(path, "cases.sql").rows
        self._seen = 0  # id of the last event that was read

    def new(self) -> Iterator[Duration]:
        """Those since the last time, all of them at first."""
        rows = self._rows("SELECT max(id) AS last FROM event")
        last = (rows[0]["last"] or 0) if rows else 0
        if last <= self._seen:
            return
        found = [self._rows(sql, self._seen, last) for sql in _QUERIES]
        self._seen = last
        for row in (row for rows in found for row in rows):
            yield Duration(row["what"], row["name"], row["code"], row["seconds"])
