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
from ctsma_node.ledger.cases import Cases, Fact
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import REFUSED_KNEES, Case, SeriesState
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

    accepted: steps.Accepted | None = None
    outcome: AnalysisResult | Refused | None = None  # of the analysis
    is_told: bool = False  # how long it took


class Chain:
    """Runs the next step of a case. Memory is kept for as many as are analysed together."""

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
        self._at_hand: dict[int, _AtHand] = {}
        self._case_id = 0
        self._timings: dict[str, float] = {}
        self._steps = {
            SeriesState.STABLE: self._accept,
            SeriesState.ACCEPTED: self._analyse,
            SeriesState.ANALYSED: self._report,
        }

    @property
    def case_at_work(self) -> int:
        """The case whose step runs, or ran last."""
        return self._case_id

    @property
    def at_hand(self) -> tuple[int, ...]:
        """The cases whose volumes are in memory."""
        return tuple(self._at_hand)

    @property
    def gathers(self) -> bool:
        """Whether another case may be accepted before those at hand are analysed."""
        analysed = any(each.outcome is not None for each in self._at_hand.values())
        return not analysed and len(self._at_hand) < self._analyser.together

    def step(self, case: Case) -> SeriesState:
        """Do what the case's state asks for; returns the state that follows, raises what the step raises.

        Before a refusal is raised, the note that explains it is on its way, where the site wants one.
        """
        self._case_id = case.id
        while case.id not in self._at_hand and len(self._at_hand) >= self._analyser.together:
            self.forget(next(iter(self._at_hand)))
        self._at_hand.setdefault(case.id, _AtHand())
        try:
            return self._steps[case.state](case)
        except Refused as refusal:
            self._notes.explain(case, refusal)
            raise

    def facts(self) -> dict[str, Fact]:
        """What the history keeps of the step that has just run.

        What its stages took, in seconds, told once, and why a knee beside the measured ones was refused.
        """
        told, self._timings = self._timings, {}
        facts: dict[str, Fact] = {f"seconds in {stage}": round(took, 3) for stage, took in told.items()}
        at_hand = self._at_hand.get(self._case_id)
        if at_hand is not None and isinstance(at_hand.outcome, AnalysisResult):
            refused = {knee.code for knee in at_hand.outcome.not_analysed}
            facts[REFUSED_KNEES] = " ".join(sorted(refused))
        return facts

    def forget(self, case_id: int) -> None:
        """Let go of the volume of a case."""
        self._at_hand.pop(case_id, None)

    def _accept(self, case: Case) -> SeriesState:
        """Rules come before the gate, the study's other series behind its look at the headers."""
        self._refuse_repeated(case)
        self._at_hand[case.id].accepted = steps.accept(
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
        self.forget(case.id)
        return SeriesState.REPORTED

    def _accepted(self, case: Case) -> steps.Accepted:
        at_hand = self._at_hand[case.id]
        if at_hand.accepted is None:
            at_hand.accepted = steps.accept(self._paths(case), self._limits)
        return at_hand.accepted

    def _paths(self, case: Case) -> list[Path]:
        self._refuse_purged(case)
        instances = self._inbox.instances(case.series_uid)[: case.n_instances]
        return steps.spooled_paths(self._settings.spool_dir, instances)

    def _result(self, case: Case) -> AnalysisResult:
        at_hand = self._at_hand[case.id]
        if at_hand.outcome is None:
            self._measure(case, at_hand)
        if not isinstance(at_hand.outcome, AnalysisResult):
            assert at_hand.outcome is not None
            raise at_hand.outcome
        if not at_hand.is_told:
            self._timings, at_hand.is_told = at_hand.outcome.seconds, True
        return at_hand.outcome

    def _measure(self, case: Case, at_hand: _AtHand) -> None:
        """Analyse a case, together with those that were accepted and wait for the same.

        They are not claimed: if this kills the worker, it is no attempt of theirs. A case that is tried again
        is analysed alone, so that none fails by another.
        """
        accepted = self._accepted(case)
        beside = self._beside(case) if case.attempts <= 1 else {}
        if not beside:
            at_hand.outcome = steps.analyse(self._analyser, accepted, self._on_progress)
            return
        volumes = [accepted, *beside.values()]
        outcomes = steps.analyse_together(self._analyser, volumes, self._on_progress)
        for case_id, outcome in zip((case.id, *beside), outcomes, strict=True):
            self._at_hand[case_id].outcome = outcome

    def _beside(self, case: Case) -> dict[int, steps.Accepted]:
        """The other series at hand that wait for their analysis, by their cases."""
        waiting = {
            each.id
            for each in self._cases.in_state(SeriesState.ACCEPTED)
            if not each.running and each.attempts == 0
        }
        return {
            case_id: each.accepted
            for case_id, each in self._at_hand.items()
            if case_id != case.id
            and case_id in waiting
            and each.accepted is not None
            and each.outcome is None
        }

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
        """The same instances give the same set, where it is made already and still here."""
        self._refuse_superseded(case)
        if case.predecessor is None or case.instances_digest is None:
            return
        before = self._cases.get(case.predecessor)
        ended_without = before.state in (SeriesState.FAILED, SeriesState.REFUSED)
        is_gone = ended_without or bool(self._cases.purged_objects(before.id))
        if before.instances_digest == case.instances_digest and not is_gone:
            reason = f"Revision {before.revision} holds the same instances, byte for byte."
            raise Refused("unchanged", reason)
