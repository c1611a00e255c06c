"""When a case came into each state and how long it stayed there, out of its history; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ctsma_node.records import END_STATES, Event, SeriesState

STAGE = "seconds in "
"""How the facts of an analysis begin that say what its stages took."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A case's stay in a state; `seconds` is up to now for the one that it is in, and None for an end."""

    state: SeriesState
    since: float
    seconds: float | None


def stages(events: Sequence[Event]) -> tuple[tuple[str, float], ...]:
    """What each stage of the last analysis took, in seconds, in the order that they ran."""
    for event in reversed(events):
        found = {name: took for name, took in event.facts.items() if name.startswith(STAGE)}
        if found:
            return tuple((name.removeprefix(STAGE), float(took or 0)) for name, took in found.items())
    return ()


def stays(events: Sequence[Event], now: float) -> tuple[Stay, ...]:
    """Every stay, the first one first. A case that was requeued may have been in a state more than once."""
    entered = [(event.to_state, event.at) for event in events if event.from_state is not event.to_state]
    past = [Stay(state, since, max(until - since, 0.0)) for (state, since), (_, until) in pairwise(entered)]
    last = [
        Stay(state, since, None if state in END_STATES else max(now - since, 0.0))
        for state, since in entered[-1:]
    ]
    return (*past, *last)
