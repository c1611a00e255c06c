"""Why each series of a study would be analysed or not: rules, the gate's look at the headers, its siblings.

Nothing is analysed, and nothing decoded but slices that share a place, to tell copies: what only pixels tell
(metal, blank slices, no knee) is not known here, and every series that passes is taken to be measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ctsma_node.assemble import Series, drop_copies, read_with_copies
from ctsma_node.choice import Candidate, Sibling, Stands, choose, first_match, in_order, refuse_excluded
from ctsma_node.config import Settings
from ctsma_node.errors import Refused
from ctsma_node.gate import GateSettings, accept_geometry, accept_kind
from ctsma_node.worker.picking import candidate_of

TAKEN = "taken"
"""The code of a series that would be analysed."""


@dataclass(frozen=True)
class Explained:
    """What would become of one series."""

    series_uid: str
    n_instances: int
    candidate: Candidate | None  # None where no header can be read
    rule: str | None  # the first that matches
    code: str  # TAKEN, or of the refusal
    reason: str  # the sentence to that code; "" where it is taken


@dataclass(frozen=True)
class ReadSeries:
    """A series as it was read once, for any number of settings."""

    series_uid: str
    n_instances: int
    series: Series | None  # with copies of slices
    refusal: Refused | None  # why it could not be read

    @cached_property
    def each_slice_once(self) -> Series:
        """Without copies; raises Refused and OSError."""
        assert self.series is not None
        return drop_copies(self.series)


def read_all(groups: Mapping[str, Sequence[Path]]) -> list[ReadSeries]:
    """Read the headers of each series, by Series Instance UID."""
    return [_read(uid, paths) for uid, paths in groups.items()]


def explain(read: Sequence[ReadSeries], settings: Settings) -> list[Explained]:
    """The verdict on each series under some settings, by series number."""
    limits = GateSettings.model_validate(settings.gate.model_dump())
    judged = [_judged(each, settings, limits) for each in read]
    rules, taken = settings.choice.rules, list[Sibling]()
    usable = {each.series_uid: each for each in judged if each.code == TAKEN}
    ranked = in_order([each.candidate for each in usable.values() if each.candidate is not None], rules)
    for candidate in ranked if settings.choice.best_only else ():
        try:
            choose(candidate, taken, rules)
        except Refused as error:
            left_out = replace(usable[candidate.series_uid], code=error.code, reason=error.reason)
            usable[candidate.series_uid] = left_out
        else:
            taken.append(Sibling(candidate, Stands.MEASURED))
    return sorted((usable.get(each.series_uid, each) for each in judged), key=_place)


def _read(uid: str, paths: Sequence[Path]) -> ReadSeries:
    try:
        return ReadSeries(uid, len(paths), read_with_copies(paths), None)
    except Refused as error:
        return ReadSeries(uid, len(paths), None, error)


def _judged(read: ReadSeries, settings: Settings, limits: GateSettings) -> Explained:
    """By itself, without its siblings."""
    if read.series is None:
        assert read.refusal is not None  # one or the other
        return Explained(
            read.series_uid, read.n_instances, None, None, read.refusal.code, read.refusal.reason
        )
    candidate = candidate_of(read.series)
    rule = first_match(settings.choice.rules, candidate)
    verdict = Explained(
        read.series_uid, read.n_instances, candidate, None if rule is None else rule.name, TAKEN, ""
    )
    try:
        refuse_excluded(settings.choice.rules, candidate)
        accept_kind(read.series, limits)
        accept_geometry(read.each_slice_once, limits)
    except Refused as error:
        return replace(verdict, code=error.code, reason=error.reason)
    return verdict


def _place(explained: Explained) -> tuple[float, str]:
    candidate = explained.candidate
    number = None if candidate is None else candidate.series_number
    return float("inf") if number is None else number, explained.series_uid
