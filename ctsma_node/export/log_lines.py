"""The lines of the node's log that are about one case: the fields that the log itself allows, no others."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from ctsma_node.log import FIELDS

_HIDDEN = frozenset({"address", "calling_ae", "called_ae", "path", "process", "pid"})


def lines_of_case(
    lines: Iterable[str], case_id: int, uids: Collection[str], since: float
) -> Iterator[dict[str, Any]]:
    """Yield the events of a case, its series and its associations; times are seconds after `since`."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # not the node's own
        if isinstance(event, dict) and _is_about(event, case_id, uids):
            kept = {key: event[key] for key in sorted(FIELDS & event.keys() - _HIDDEN)}
            kept["time"] = _seconds(event.get("time"), since)
            yield kept


def _is_about(event: dict[str, Any], case_id: int, uids: Collection[str]) -> bool:
    named = (event.get(key) for key in ("series", "study", "instance", "association"))
    return event.get("case") == case_id or any(each in uids for each in named if isinstance(each, str))


def _seconds(time: object, since: float) -> float | None:
    try:
        return round(datetime.fromisoformat(str(time)).timestamp() - since, 3)
    except ValueError:
        return None
