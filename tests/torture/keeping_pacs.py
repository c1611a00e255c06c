"""A PACS that keeps what it needs to tell whether a set came once, and the same each time."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import defaultdict

from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage
from pynetdicom.events import Event

from tests.acceptance.site import Pacs


class KeepingPacs(Pacs):
    """Takes up to `slowest_s` for each answer, drawn."""

    def __init__(self, draw: random.Random, slowest_s: float = 0.02) -> None:
        self.contents: defaultdict[str, set[str]] = defaultdict(set)  # sha256 of datasets by instance
        self.reports: defaultdict[str, set[str]] = defaultdict(set)  # reports by the series they are about
        self._keeping = threading.Lock()
        super().__init__(lambda _: time.sleep(draw.uniform(0, slowest_s)))

    def forget(self) -> None:
        """Begin anew."""
        with self._keeping:
            self.contents.clear()
            self.reports.clear()

    def _store(self, event: Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        with self._keeping:
            self.contents[uid].add(hashlib.sha256(event.request.DataSet.getvalue()).hexdigest())
            if event.request.AffectedSOPClassUID == BasicTextSRStorage:
                self.reports[_source_series(event.dataset)].add(uid)
        return super()._store(event)


def _source_series(ds: Dataset) -> str:
    """The CT series that a report is about, by its evidence (PS3.3 C.17.2)."""
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    return str(study.ReferencedSeriesSequence[0].SeriesInstanceUID)
