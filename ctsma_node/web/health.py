"""Whether the node can receive, analyse and deliver: from what was observed to findings with reasons.

`down` is what stops the node from doing one of the three for every series, and answers 503. `degraded` is
what a person should look at while it goes on, and answers 200: one of several destinations that fails, proofs
that do not come, a pause, series after series that fails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import Heartbeat, courier_loop
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.quota import FULL
from ctsma_node.records import SeriesState
from ctsma_node.web.observe import LAST_ENDS, Observed, Observer

STALE_S = 30.0
"""A process that has said nothing for so long (it says something every 5 s) is taken for dead."""

LIMITS_S = {"answers": 60.0, "sweep": 60.0, "steps": 240.0}
"""How long each loop may go without a sign of life: an answer to a C-STORE, the sweep over the inbox, a stage
of a step."""

_COURIER_S = 1800.0
"""How long a courier may go without a sign of life beyond its time limits: that of one C-STORE, request or
search."""

_STEPS = {
    "answers": "A C-STORE has had no answer for {s:.0f} s: is the disk hanging?",
    "sweep": "The worker has not looked for new instances for {s:.0f} s; its log says why.",
    "steps": "The worker has been in one stage of one step for {s:.0f} s.",
}


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Part(StrEnum):
    """What the node is there for."""

    RECEIVE = "receive"
    ANALYSE = "analyse"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. `code` is stable, `reason` a sentence for a person."""

    part: Part
    level: Level
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """All findings; none where all is well."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst."""
        return self._worst(self.findings)

    def of(self, part: Part) -> Level:
        """How one part does."""
        return self._worst(tuple(each for each in self.findings if each.part is part))

    @staticmethod
    def _worst(findings: tuple[Finding, ...]) -> Level:
        levels = {each.level for each in findings}
        return next((level for level in (Level.DOWN, Level.DEGRADED) if level in levels), Level.OK)


def judge(seen: Observed, settings: Settings) -> Health:
    """Judge what was seen."""
    findings = (*_receiving(seen, settings), *_analysing(seen), *_delivering(seen, settings))
    return Health(findings)


def judged(observer: Observer, settings: Settings) -> Health:
    """Look at the node and judge it; a ledger that cannot be read leaves nothing well."""
    try:
        return judge(observer.look(), settings)
    except LedgerError as error:
        reason = str(error)
    except sqlite3.Error as error:
        reason = f"A ledger cannot be read ({type(error).__name__})."
    return Health(tuple(Finding(part, Level.DOWN, "ledger_unreadable", reason) for part in Part))


def described(health: Health) -> dict[str, object]:
    """As it is told to programs."""
    return {
        "status": health.level,
        **{part.value: health.of(part) for part in Part},
        "reasons": [
            {"part": each.part, "level": each.level, "code": each.code, "reason": each.reason}
            for each in health.findings
        ],
    }


def is_fresh(beat: Heartbeat | None, now: float) -> bool:
    """Whether a process has said something lately; a clock that was set back counts as silence."""
    return beat is not None and abs(now - beat.at) <= STALE_S


def _receiving(seen: Observed, settings: Settings) -> Iterator[Finding]:
    def down(code: str, reason: str) -> Finding:
        return Finding(Part.RECEIVE, Level.DOWN, code, reason)

    if not is_fresh(seen.receiver, seen.now):
        yield down("receiver_silent", f"The receiver {_since(seen.receiver, seen.now)}.")
    yield from _stalled(Part.RECEIVE, seen.receiver, seen.now)
    if not seen.sources:
        yield down("no_sources", "Nobody may send: the settings name no [[sources]].")
    least = seen.least_free_bytes
    if seen.free_bytes is None:
        yield down("state_missing", "The state folder cannot be looked at.")
    elif seen.free_bytes < least:
        reason = f"{seen.free_bytes} bytes are free, {least} are kept free: every C-STORE is answered A700."
        yield down("disk_low", reason)


def _analysing(seen: Observed) -> Iterator[Finding]:
    if not is_fresh(seen.worker, seen.now):
        reason = f"The worker {_since(seen.worker, seen.now)}."
        yield Finding(Part.ANALYSE, Level.DOWN, "worker_silent", reason)
    elif seen.worker is not None and seen.worker.stage != "ready":
        reason = "The worker has not loaded its bundle yet."
        yield Finding(Part.ANALYSE, Level.DOWN, "bundle_not_loaded", reason)
    yield from _stalled(Part.ANALYSE, seen.worker, seen.now)
    for code, reason in ({} if seen.worker is None else seen.worker.troubles).items():
        yield Finding(Part.ANALYSE, Level.DOWN if code == FULL else Level.DEGRADED, code, reason)
    failed = [state for state, code in seen.last_ends if state is SeriesState.FAILED and code not in _NOT_ITS]
    if len(failed) == LAST_ENDS:
        reason = f"The last {LAST_ENDS} series that ended have failed; each case says why."
        yield Finding(Part.ANALYSE, Level.DEGRADED, "every_series_fails", reason)


_NOT_ITS = ("cancelled", "not_delivered")
"""Codes of failures that say nothing of the analysis."""


def _delivering(seen: Observed, settings: Settings) -> Iterator[Finding]:
    if not is_fresh(seen.worker, seen.now):
        yield Finding(Part.DELIVER, Level.DOWN, "worker_silent", "The worker, which delivers, is silent.")
    if not seen.standings:
        reason = "Results stay here: the settings name no [[destinations]]."
        yield Finding(Part.DELIVER, Level.DEGRADED, "no_destinations", reason)
    ages = {name: seen.now - since for name, since in seen.failing_since.items() if since is not None}
    failing = {name: age for name, age in ages.items() if age > settings.web.destination_failing_s}
    level = Level.DOWN if failing.keys() == seen.standings.keys() - seen.paused.keys() else Level.DEGRADED
    for name, seconds in failing.items():
        reason = f"Nothing has reached {name} for {seconds / 60:.0f} min; what is due is tried again."
        yield Finding(Part.DELIVER, level, "destination_failing", reason)
    yield from _hanging(seen, settings)
    yield from _unproven(seen, settings)
    for name in sorted(seen.standings.keys() & seen.paused.keys()):
        since = seen.paused[name]
        reason = f"{name} has been paused for {(seen.now - since) / 60:.0f} min; what is for it waits."
        yield Finding(Part.DELIVER, Level.DEGRADED, "destination_paused", reason)


def _hanging(seen: Observed, settings: Settings) -> Iterator[Finding]:
    """A courier that hangs ends no attempt, so that its destination does not count as failing."""
    beat, limits = seen.worker, settings.delivery
    if beat is None or not is_fresh(beat, seen.now):
        return
    limit = _COURIER_S + limits.connect_s + limits.acse_s + limits.dimse_s + limits.network_s
    silent = {name: beat.at - beat.alive.get(courier_loop(name), beat.at) for name in seen.standings}
    hanging = {name: seconds for name, seconds in silent.items() if seconds > limit}
    level = Level.DEGRADED if seen.standings.keys() - seen.paused.keys() - hanging.keys() else Level.DOWN
    for name, seconds in hanging.items():
        minutes = seconds / 60
        reason = f"The courier to {name} has shown no sign of life for {minutes:.0f} min: restart the worker."
        yield Finding(Part.DELIVER, level, "courier_stalled", reason)


def _unproven(seen: Observed, settings: Settings) -> Iterator[Finding]:
    """What a peer says it has stored can be read there: nothing stops, but nobody knows that it stays."""
    for name, standing in seen.standings.items():
        since = None if standing is None else standing.unproven_since
        if since is not None and seen.now - since > settings.web.destination_failing_s:
            minutes = (seen.now - since) / 60
            reason = (
                f"{name} has stored instances and not proven them for {minutes:.0f} min; it is asked again."
            )
            yield Finding(Part.DELIVER, Level.DEGRADED, "destination_unproven", reason)


def _stalled(part: Part, beat: Heartbeat | None, now: float) -> Iterator[Finding]:
    if beat is None or not is_fresh(beat, now):
        return
    for loop, at in beat.alive.items():
        if loop in _STEPS and (silent := beat.at - at) > LIMITS_S[loop]:
            yield Finding(part, Level.DOWN, f"{loop}_stalled", _STEPS[loop].format(s=silent))


def _since(beat: Heartbeat | None, now: float) -> str:
    return "is not running" if beat is None else f"has been silent for {now - beat.at:.0f} s"
