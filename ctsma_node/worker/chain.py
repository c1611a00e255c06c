"""The chain of a case: which step its state asks for, and the state that follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.config.settings import Settings
from ctsma_node.deliver import in_reference_order
from ctsma_node.errors import Refused
from ctsma_node.gate import GateSettings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import Case, SeriesState
from ctsma_node.worker import steps
from ctsma_node.worker.checking import check_written
from ctsma_node.worker.notes import Notes
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.picking import Picking
from ctsma_node.worker.predecessors import replaced_by
from ctsma_node.worker.siblings import Siblings

WORKABLE = (SeriesState.STABLE, SeriesState.ACCEPTED, SeriesState.ANALYSED)
"""States in which a case waits for a step of this chain."""


@dataclass
class _AtHand:
    """What the steps of one case hand to one another. It is made again after a restart."""

    case_id: int
    accepted: steps.Accepted | None = None
    result: AnalysisResult | None = None


class Chain:
    """Runs the next step of a case. Memory is kept for one case: volumes are large."""

    def __init__(
        self,
        settings: Settings,
        inbox: InboxReader,
        cases: Cases,
        analyser: steps.Analyses,
        on_progress: Callable[[str, float], None] = lambda stage, fraction: None,
        clock: Callable[[], float] = time.time,
        outbox: Outbox | None = None,
    ) -> None:
        self._settings = settings
        self._picking = Picking(settings.choice, Siblings(inbox, cases, settings.spool_dir), clock)
        self._limits = GateSettings.model_validate(settings.gate.model_dump())
        self._inbox = inbox
        self._cases = cases
        self._analyser = analyser
        self._on_progress = on_progress
        self._outbox = outbox or Outbox(settings.outbox_dir)
        self._notes = Notes(settings, inbox, cases, analyser.digest)
        self._at_hand = _AtHand(case_id=0)
        self._timings: dict[str, float] = {}
        self._steps = {
            SeriesState.STABLE: self._accept,
            SeriesState.ACCEPTED: self._analyse,
            SeriesState.ANALYSED: self._report,
        }

    @property
    def case_at_hand(self) -> int:
        """The case whose volume is in memory; 0 for none."""
        return self._at_hand.case_id

    def step(self, case: Case) -> SeriesState:
        """Do what the case's state asks for; returns the state that follows, raises what the step raises.

        Before a refusal is raised, the note that explains it is on its way, where the site wants one.
        """
        if self._at_hand.case_id != case.id:
            self._at_hand = _AtHand(case.id)
        try:
            return self._steps[case.state](case)
        except Refused as refusal:
            self._notes.explain(case, refusal)
            raise

    def timings(self) -> dict[str, float]:
        """What the stages of the step that has just run took, in seconds; told once."""
        told, self._timings = self._timings, {}
        return told

    def forget(self) -> None:
        """Let go of the volume at hand."""
        self._at_hand = _AtHand(case_id=0)

    def _accept(self, case: Case) -> SeriesState:
        """Rules come before the gate, the study's other series behind its look at the headers."""
        self._refuse_repeated(case)
        self._at_hand.accepted = steps.accept(
            self._paths(case),
            self._limits,
            self._picking.refuse_excluded,
            lambda series: self._picking.refuse_or_wait(case, series),
        )
        return SeriesState.ACCEPTED

    def _analyse(self, case: Case) -> SeriesState:
        self._refuse_superseded(case)
        self._result(case)
        return SeriesState.ANALYSED

    def _report(self, case: Case) -> SeriesState:
        """Build the set and check it, unless an attempt that died had come as far as its rows."""
        if not self._cases.has_set(case.id):  # a note may be there, from before limits were changed
            result, series = self._result(case), self._accepted(case).series
            earlier = replaced_by(case, self._cases)
            objects = steps.report(result, series, self._settings, case.revision, earlier)
            ordered = in_reference_order(objects, lambda obj: obj.sop_class_uid)
            check = partial(check_written, case, result, series)
            self._cases.add_results(case.id, self._outbox.put(str(case.id), ordered, check))
        self._cases.add_deliveries(case.id, self._settings.destinations)
        self.forget()
        return SeriesState.REPORTED

    def _accepted(self, case: Case) -> steps.Accepted:
        if self._at_hand.accepted is None:
            self._at_hand.accepted = steps.accept(self._paths(case), self._limits)
        return self._at_hand.accepted

    def _paths(self, case: Case) -> list[Path]:
        self._refuse_purged(case)
        instances = self._inbox.instances(case.series_uid)[: case.n_instances]
        return steps.spooled_paths(self._settings.spool_dir, instances)

    def _result(self, case: Case) -> AnalysisResult:
        if self._at_hand.result is None:
            accepted = self._accepted(case)
            self._at_hand.result = steps.analyse(self._analyser, accepted, self._on_progress)
            self._timings = self._at_hand.result.seconds
        return self._at_hand.result

    def _refuse_purged(self, case: Case) -> None:
        """What came late, or is wanted again, is no whole series without the instances that were removed."""
        purged = self._inbox.purged_count(case.series_uid)
        if purged:
            raise Refused(
                "purged",
                f"{purged} instances of the series were removed by [retention]; send the whole series again.",
            )

    def _refuse_superseded(self, case: Case) -> None:
        """A revision that has a successor before it was analysed would only be replaced at once."""
        latest = self._cases.by_series(case.series_uid)[-1]
        if latest.id != case.id:
            reason = f"More instances of the series came in; revision {latest.revision} takes its place."
            raise Refused("superseded", reason)

    def _refuse_repeated(self, case: Case) -> None:
        """The same instances give the same set, which is made already."""
        self._refuse_superseded(case)
        if case.predecessor is None or case.instances_digest is None:
            return
        before = self._cases.get(case.predecessor)
        ended_without = before.state is SeriesState.FAILED or before.code == "superseded"
        if before.instances_digest == case.instances_digest and not ended_without:
            reason = f"Revision {before.revision} holds the same instances, byte for byte."
            raise Refused("unchanged", reason)
