"""What was transferred over each association, study by study, for the audit trail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from ctsma_node.audit import Party, Recorder, begun, patient_id, transferred
from ctsma_node.receive.alerts import Alerts
from ctsma_node.records import Association


@dataclass
class _Study:
    """What came of one study."""

    patient: str | None
    instances: Counter[str] = field(default_factory=Counter)  # by SOP Class UID
    is_new: bool = False  # at least one that was not there before


@dataclass
class _Association:
    studies: dict[str, _Study] = field(default_factory=dict)
    set_aside: int = 0


class Transfers:
    """Hears of every instance that was stored or set aside. Any thread may call; nothing is raised."""

    def __init__(self, recorder: Recorder, alerts: Alerts) -> None:
        self._recorder = recorder
        self._alerts = alerts
        self._lock = Lock()
        self._open: dict[str, _Association] = {}

    def stored(
        self, association: Association, study_uid: str, sop_class_uid: str, path: Path, *, is_new: bool
    ) -> None:
        """An instance is in the spool at `path`, for the first time or again."""
        with self._lock:
            studies = self._open.setdefault(association.id, _Association()).studies
            study = studies.get(study_uid)
        if study is None:
            study = _Study(patient_id(path) if self._recorder.with_patients else None)
            studies[study_uid] = study
            us, source = self._parties(association)
            self._recorder.record(begun(source, us, study_uid, self._recorder.clock(), study.patient))
        study.instances[sop_class_uid] += 1
        study.is_new |= is_new

    def set_aside(self, association: Association, code: str) -> None:
        """Something that came over the association is in quarantine."""
        with self._lock:
            self._open.setdefault(association.id, _Association()).set_aside += 1
        self._alerts.set_aside(association.address, code, association.calling_ae)

    def ended(self, association: Association) -> None:
        """The association is over: tell what came of each study, by the settings that hold now."""
        with self._lock:
            over = self._open.pop(association.id, _Association())
        us, source = self._parties(association)
        with_patients = self._recorder.with_patients
        for study_uid, study in over.studies.items():
            self._recorder.record(
                transferred(
                    source,
                    us,
                    study_uid,
                    study.instances,
                    self._recorder.clock(),
                    action="C" if study.is_new else "R",
                    complete=not over.set_aside,
                    patient=study.patient if with_patients else None,
                )
            )

    def _parties(self, association: Association) -> tuple[Party, Party]:
        us = Party(self._recorder.ae_title)
        return us, Party(association.calling_ae, association.address, is_requestor=True)
