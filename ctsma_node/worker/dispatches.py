"""What was sent to a destination, set by set, for the audit trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from ctsma_node.audit import Party, Recorder, begun, patient_id, transferred
from ctsma_node.config import AnyDestination, Settings
from ctsma_node.deliver import Answer, Outcome, Outgoing


class Dispatches:
    """Hears of one set after the other, from the courier's own thread."""

    def __init__(self, recorder: Recorder, destination: AnyDestination, settings: Settings) -> None:
        self._recorder = recorder
        calling = destination.calling_ae_title if destination.kind == "dicom" else None
        self._us = Party(calling or settings.node.ae_title, is_requestor=True)
        self._peer = _party(destination)
        self._study_uid = ""
        self._patient: str | None = None
        self._sent: Counter[str] = Counter()  # by SOP Class UID
        self._left = 0

    def begin(self, study_uid: str, instances: Sequence[Outgoing]) -> None:
        """These are to be sent."""
        self._study_uid, self._left = study_uid, len(instances)
        self._sent.clear()
        if self._recorder.with_patients:
            self._patient = patient_id(instances[0].path)
        now = self._recorder.clock()
        self._recorder.record(begun(self._us, self._peer, study_uid, now, self._patient))

    def note(self, answer: Answer) -> None:
        """One of them was stored there, or was not."""
        if answer.outcome is Outcome.DELIVERED:
            self._sent[answer.instance.sop_class_uid] += 1
            self._left -= 1

    def end(self) -> None:
        """The set has been sent, as far as it could be; only the peer knows whether it had any of it."""
        self._recorder.record(
            transferred(
                self._us,
                self._peer,
                self._study_uid,
                self._sent,
                self._recorder.clock(),
                action="R",
                complete=not self._left,
                patient=self._patient,
            )
        )


def _party(destination: AnyDestination) -> Party:
    if destination.kind == "dicom":
        return Party(destination.ae_title, destination.host)
    return Party(destination.url, urlsplit(destination.url).hostname or "")
