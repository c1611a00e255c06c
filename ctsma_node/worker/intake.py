"""Takes over what the receiver wrote: instances become cases, and complete cases become stable."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctsma_node import log
from ctsma_node.completion import (
    InstanceGeometry,
    geometry_complete,
    is_confirmed,
    largest_gap,
    learned_quiet_s,
    may_grow,
    standing_s,
)
from ctsma_node.completion.pace import SERIES_KEPT
from ctsma_node.config.settings import CompletionSettings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import Case, Instance, SeriesState

FEWEST_PER_ASSOCIATION = 8
"""A source that brings fewer instances an association than this opens one for each or nearly so: that one of
them has closed says nothing about the series, and only the long quiet time counts."""

_AHEAD_S = 1.0
"""An instance that came so much later than now came before the clock was set back, which nobody saw."""


class Due(NamedTuple):
    """When a series counts as complete if nothing more comes, and by what: count, geometry or quiet."""

    at: float
    by: str


class Intake:
    """The sweep over the inbox. It may repeat itself after a crash: news that is not new changes nothing."""

    def __init__(
        self,
        inbox: InboxReader,
        cases: Cases,
        quiet: CompletionSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._cases = cases
        self._quiet = quiet
        self._clock = clock
        self._whole: dict[tuple[int, int], bool] = {}  # by case and number of instances
        self._patience: dict[str, float] = {}  # by sender, for one sweep

    def sweep(self) -> bool:
        """Take over new instances, set the timers, and say whether a case has become stable."""
        self._take_over()
        receiving = self._cases.in_state(SeriesState.RECEIVING)
        self._whole = {
            key: whole for key, whole in self._whole.items() if key[0] in {c.id for c in receiving}
        }
        self._patience.clear()
        now, stable = self._clock(), False
        for case in receiving:
            if case.last_instance_at > now + _AHEAD_S:
                self._cases.last_instance_now(case.id)
                continue
            due = self._due(case)
            if due.at != case.due_at:
                self._cases.set_timer(case.id, due.at)
            if due.at <= now:
                self._close(case, due.by)
                stable = True
        return stable

    def _take_over(self) -> None:
        new = self._inbox.instances_after(self._cases.cursor())
        for series_uid in dict.fromkeys(instance.series_uid for instance in new):
            rows = self._inbox.instances(series_uid)
            # Of the last, not the latest: the clock may have been set back between two of them.
            last = rows[-1].received_at
            self._cases.upsert_series(series_uid, rows[0].study_uid, last, len(rows), rows[0].calling_ae)
        if new:
            self._cases.advance_cursor(new[-1].rowid)

    def _due(self, case: Case) -> Due:
        """By the source's count, else by geometry, else by quiet.

        Where the geometry says that a series is whole, a count that is reached need not have stood still;
        where the source holds more than has come, the geometry says nothing (an end may be missing), and
        the whole quiet time is given.
        """
        rows = self._inbox.instances(case.series_uid)[: case.n_instances]
        count = self._cases.source_count(case.series_uid)
        whole = self._ended(case, rows) and self._is_whole(case, rows)
        standing = 0.0 if whole else standing_of(rows, self._quiet.long_quiet_s)
        if count is not None and is_confirmed(count, len(rows), case.last_instance_at, standing):
            return Due(count.asked_at, "count")
        if may_grow(count, len(rows)):
            return Due(case.last_instance_at + self._quiet.long_quiet_s, "quiet")
        if whole:
            return Due(case.last_instance_at + self._quiet.short_quiet_s, "geometry")
        return Due(case.last_instance_at + self._patience_with(case.calling_ae), "quiet")

    def _ended(self, case: Case, rows: Sequence[Instance]) -> bool:
        """Whether the associations that brought it are closed, where that says anything."""
        associations = {row.association_id for row in rows}
        one_by_one = len(rows) < FEWEST_PER_ASSOCIATION * len(associations) and _single_frames(rows)
        return not one_by_one and not self._inbox.association_open(case.series_uid)

    def _patience_with(self, sender: str) -> float:
        """The long quiet time, or what was learned of the sender."""
        if sender not in self._patience:
            longest = self._quiet.long_quiet_s
            least = max(self._quiet.short_quiet_s, min(self._quiet.least_quiet_s, longest))
            self._patience[sender] = learned_quiet_s(self._cases.largest_gaps(sender), least, longest)
        return self._patience[sender]

    def _is_whole(self, case: Case, rows: Sequence[Instance]) -> bool:
        key = (case.id, len(rows))
        if key not in self._whole:
            self._whole[key] = _judged(case, rows)
        return self._whole[key]

    def _close(self, case: Case, by: str) -> None:
        rows = self._inbox.instances(case.series_uid)[: case.n_instances]
        self._cases.move(
            case.id, SeriesState.STABLE, instances_digest=instances_digest(rows), completed_by=by
        )
        self._cases.wake(case.study_uid, "waiting_for_sibling")
        gap = largest_gap([row.received_at for row in rows])
        if len(rows) > 1:
            self._cases.record_pace(case.series_uid, case.calling_ae, gap, SERIES_KEPT)
        log.logger.info(
            "series.stable",
            series=case.series_uid,
            case=case.id,
            revision=case.revision,
            n_instances=case.n_instances,
            source=case.calling_ae,
            completed_by=by,
        )


def standing_of(rows: Sequence[Instance], longest_s: float) -> float:
    """Seconds for which the source's count of a series must have stood still, by what has come of it."""
    gap = largest_gap([row.received_at for row in rows])
    return standing_s(gap, sum(row.number_of_frames for row in rows), longest_s)


def instances_digest(instances: Sequence[Instance]) -> str:
    """sha256, hexadecimal, over the sorted pairs of SOP Instance UID and sha256 of the instances."""
    lines = sorted(f"{each.sop_instance_uid} {each.sha256}\n" for each in instances)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _judged(case: Case, rows: Sequence[Instance]) -> bool:
    """Whether the geometry says that it is whole.

    Headers are whoever's: one that the arithmetic fails on makes its own series wait for the quiet time, and
    holds no other back.
    """
    try:
        return geometry_complete([_geometry(row) for row in rows])
    except Exception as error:
        log.logger.error("series.not_judged", series=case.series_uid, case=case.id, **log.describe(error))
        return False


def _single_frames(rows: Sequence[Instance]) -> bool:
    return all(row.number_of_frames == 1 for row in rows)


def _geometry(row: Instance) -> InstanceGeometry:
    return InstanceGeometry(
        sop_instance_uid=row.sop_instance_uid,
        rows=row.rows or 0,
        columns=row.columns or 0,
        number_of_frames=row.number_of_frames,
        position=row.position,
        orientation=row.orientation,
    )
