"""A report for a case that is refused, where the site wants it: on its way before the case ends."""

from __future__ import annotations

from functools import partial

from ctsma_node import log
from ctsma_node.assemble import Series, read_with_copies
from ctsma_node.config.settings import Settings
from ctsma_node.errors import InvalidResult, Refused
from ctsma_node.gate import of_another_part
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import NOTE, Case, SeriesState
from ctsma_node.worker import steps
from ctsma_node.worker.checking import check_written
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.predecessors import replaced_by


class Notes:
    """Makes the notes of refused cases and their deliveries; the cases themselves it leaves as they are.

    The note's rows are written before the case moves: a worker that dies in between refuses the case again
    and finds them. They end like any other delivery, and the case stays refused whatever becomes of them.
    """

    def __init__(self, settings: Settings, inbox: InboxReader, cases: Cases, bundle_digest: str) -> None:
        self._settings = settings
        self._inbox = inbox
        self._cases = cases
        self._bundle_digest = bundle_digest
        self._outbox = Outbox(settings.outbox_dir)
        self._is_taken = any(NOTE in each.objects for each in settings.destinations)

    def explain(self, case: Case, refusal: Refused) -> None:
        """Make the note, unless the site does not want it or there is nothing that it could refer to.

        At the last attempt an error is logged: a note that cannot be made must not turn a refusal into a
        failure. Before that it is raised, and the step is tried again; that would not help a note that is not
        valid.
        """
        if not self._is_taken or refusal.code not in self._settings.report.explain_refusals:
            return
        try:
            self._put(case, refusal)
        except Exception as error:
            again = not isinstance(error, InvalidResult)
            if again and case.attempts < self._settings.worker.max_attempts:
                raise
            log.logger.error("note.failed", series=case.series_uid, case=case.id, **log.describe(error))

    def _put(self, case: Case, refusal: Refused) -> None:
        """One note for each reason: a case that is tried again on demand may be refused for another."""
        series = self._readable(case)
        if series is None:
            return
        earlier = replaced_by(case, self._cases)
        note = steps.note(refusal, series, self._settings, self._bundle_digest, case.revision, earlier)
        made = self._cases.results(case.id)
        if note.sop_instance_uid not in {each.sop_instance_uid for each in made}:
            check = partial(check_written, case, None, series)
            rows = self._outbox.put(f"{case.id}-note-{len(made) + 1}", [note], check)
            self._cases.add_results(case.id, rows)
        self._cases.add_deliveries(case.id, self._settings.destinations)

    def _readable(self, case: Case) -> Series | None:
        """The series, where its headers can be read and name no other part of the body.

        What the image shows the analysis knows better: behind the gate that attribute counts no more.
        """
        instances = self._inbox.instances(case.series_uid)[: case.n_instances]
        try:
            series = read_with_copies(steps.spooled_paths(self._settings.spool_dir, instances))
        except Refused:
            return None
        unseen = case.state is SeriesState.STABLE
        return None if not series.study_uid or (unseen and of_another_part(series)) else series
