"""What a worker must have brought to the PACS in the end: one set for each revision, the same each time."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ctsma_node.config import Settings
from ctsma_node.gate import GateSettings
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.receive.part10 import read_head
from ctsma_node.records import END_STATES, TRANSITIONS, Case, SeriesState
from ctsma_node.report import write_object
from ctsma_node.worker import steps
from tests.acceptance.site import until
from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.run import Tally
from tests.torture.stand_in import RESULT

NO_SET = "series without a set of all their instances"
WRONG_END = "revisions that did not end as they should"
DOUBLE = "sets that came twice under different UIDs"
UNSTABLE = "objects that came twice with different bytes"
NOT_THERE = "objects called delivered that the PACS does not have"
UNKNOWN = "objects at the PACS that no revision made"
OTHERWISE = "objects that an undisturbed worker makes otherwise"
ILLEGAL = "moves that the table does not allow"
LEFT = "half sets left in the outbox"
FAULTS = (NO_SET, WRONG_END, DOUBLE, UNSTABLE, NOT_THERE, UNKNOWN, OTHERWISE, ILLEGAL, LEFT)

_NO_NEED = {"unchanged", "superseded"}
"""Codes with which a revision of all instances may be refused; one of a part of them may be with any."""


class Sets:
    """Compares the worker's ledger with the PACS; `expected` is how many instances each series has."""

    def __init__(self, settings: Settings, pacs: KeepingPacs, tally: Tally) -> None:
        self._settings, self._pacs, self._tally = settings, pacs, tally
        self._cases = CasesReader(settings.ledger_path)
        for fault in FAULTS:
            tally.count(fault, 0)

    def close(self) -> None:
        """Close the ledger."""
        self._cases.close()

    def wait(self, expected: dict[str, int], seconds: float = 120.0) -> None:
        """Wait until every series has its set and nothing is on its way."""
        try:
            until(lambda: self._is_done(expected), "sets", seconds)
        except AssertionError:
            self._tally.count("times that the sets were not there in time")

    def _is_done(self, expected: dict[str, int]) -> bool:
        cases = self._cases.in_state()
        if any(case.state not in END_STATES for case in cases):
            return False
        return not self._unserved(cases, expected)

    def _unserved(self, cases: list[Case], expected: dict[str, int]) -> set[str]:
        served = {
            case.series_uid
            for case in cases
            if case.state is SeriesState.DELIVERED and case.n_instances == expected.get(case.series_uid)
        }
        return set(expected) - served

    def inspect(self, expected: dict[str, int], remake: int = 5) -> None:
        """Count what must not be; `remake` sets are made anew and compared, byte for byte."""
        cases = self._cases.in_state()
        self._fault(NO_SET, self._unserved(cases, expected))
        self._fault(WRONG_END, (f"{c.id} {c.state} {c.code}" for c in cases if not _ended_well(c, expected)))
        delivered = [case for case in cases if case.state is SeriesState.DELIVERED]
        made = {uid for case in delivered for uid in self._compare(case)}
        self._fault(UNKNOWN, set(self._pacs.contents) - made)
        self._fault(UNSTABLE, (uid for uid, seen in self._pacs.contents.items() if len(seen) > 1))
        for series, reports in self._pacs.reports.items():
            revisions = sum(case.series_uid == series for case in delivered)
            if len(reports) != revisions * len(RESULT.knees):
                self._fault(DOUBLE, [f"{series}: {len(reports)} reports of {revisions} revisions"])
        self._fault(ILLEGAL, (line for case in cases for line in self._illegal(case)))
        self._fault(LEFT, (path.name for path in self._settings.outbox_dir.glob("*.part")))
        for case in [case for case in delivered if case.revision == 1][:remake]:
            self._remake(case)

    def _compare(self, case: Case) -> set[str]:
        """The objects of a revision; each must be at the PACS as it lies in the outbox."""
        results = self._cases.results(case.id)
        for each in results:
            sha256 = _dataset_sha256(self._settings.outbox_dir / each.path)
            if sha256 not in self._pacs.contents[each.sop_instance_uid]:
                self._fault(NOT_THERE, [each.sop_instance_uid])
        return {each.sop_instance_uid for each in results}

    def _illegal(self, case: Case) -> list[str]:
        moves = [event for event in self._cases.events(case.id) if event.action == "moved"]
        wrong = [e for e in moves if e.from_state is None or e.to_state not in TRANSITIONS[e.from_state]]
        return [f"{case.id}: {event.from_state} -> {event.to_state}" for event in wrong]

    def _remake(self, case: Case) -> None:
        inbox = InboxReader(self._settings.inbox_path)
        rows = inbox.instances(case.series_uid)[: case.n_instances]
        inbox.close()
        limits = GateSettings.model_validate(self._settings.gate.model_dump())
        series = steps.accept(steps.spooled_paths(self._settings.spool_dir, rows), limits).series
        with tempfile.TemporaryDirectory() as folder:
            for obj in steps.report(RESULT, series, self._settings):
                path = Path(folder) / obj.file_name
                write_object(obj, path)
                if _dataset_sha256(path) not in self._pacs.contents[obj.sop_instance_uid]:
                    self._fault(OTHERWISE, [obj.sop_instance_uid])

    def _fault(self, kind: str, which: Iterable[str]) -> None:
        for each in which:
            self._tally.fault(kind, each)


def _ended_well(case: Case, expected: dict[str, int]) -> bool:
    if case.state is SeriesState.REFUSED:
        return case.code in _NO_NEED or case.n_instances < expected.get(case.series_uid, 0)
    return case.state is SeriesState.DELIVERED and case.code is None


def _dataset_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()[read_head(path).dataset_offset :]).hexdigest()
