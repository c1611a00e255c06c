"""A receiver's leavings without a receiver, and an analyser that measures nothing."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeNotAnalysed, Scan, Side
from ctsma_node.config import DestinationSettings, Settings
from ctsma_node.config.settings import CompletionSettings, NodeSettings, WorkerSettings
from ctsma_node.errors import Refused
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.records import Association, ImageGeometry, Received
from ctsma_node.spool import Spool, make_private
from ctsma_node.volume import CTVolume
from tests.unit.report.knee_results import analysis


class FakeAnalyser:
    """Gives one result, after `seconds`, and counts how often it was asked."""

    digest = "ab" * 32

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.analysed = 0
        self.stated: list[Side | None] = []
        self.troubles: dict[str, str] = {}
        self.together = 1
        self.refused: tuple[KneeNotAnalysed, ...] = ()  # beside the measured knee
        self.runs: list[int] = []  # how many volumes were handed over at once

    def analyse(
        self,
        volume: CTVolume,
        progress: Callable[[str, float], None] | None = None,
        stated_side: Side | None = None,
    ) -> AnalysisResult:
        assert volume.hu.size
        self.analysed += 1
        self.stated.append(stated_side)
        time.sleep(self.seconds)
        if progress is not None:
            progress("measure", 0.5)
        if self.error is not None:
            raise self.error
        return analysis(Side.LEFT, not_analysed=self.refused)

    def analyse_together(
        self, scans: Sequence[Scan], progress: Callable[[str, float], None] | None = None
    ) -> list[AnalysisResult | Refused]:
        self.runs.append(len(scans))
        found: list[AnalysisResult | Refused] = []
        for scan in scans:
            try:
                found.append(self.analyse(scan.volume, progress, scan.stated_side))
            except Refused as refusal:
                found.append(refusal)
        return found


def settings_in(folder: Path, *destinations: DestinationSettings, max_attempts: int = 3) -> Settings:
    return Settings(
        node=NodeSettings(state_dir=folder / "state"),
        destinations=destinations,
        completion=CompletionSettings(short_quiet_s=0.05, long_quiet_s=30.0),
        worker=WorkerSettings(max_attempts=max_attempts, sweep_s=0.05),
    )


class Arrivals:
    """Writes the spool and the inbox as the receiver does."""

    def __init__(self, settings: Settings) -> None:
        make_private(settings.node.state_dir)
        self.spool = Spool(settings.spool_dir)
        self.spool.prepare()
        self.inbox = Inbox(settings.inbox_path)
        self._names = (f"association-{n}" for n in itertools.count(1))

    def bring(self, datasets: Sequence[Dataset], at: float = 1000.0, close: bool = True) -> str:
        """Store datasets over one association; returns its id."""
        name = next(self._names)
        self.inbox.open_association(Association(name, "SCANNER", "127.0.0.1", at))
        for ds in datasets:
            self.inbox.add(self._received(ds, name, at))
        if close:
            self.inbox.close_association(name, at)
        return name

    def _received(self, ds: Dataset, association: str, at: float) -> Received:
        buffer = BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        name = hashlib.sha256(str(ds.SOPInstanceUID).encode()).hexdigest()
        return Received(
            sop_instance_uid=str(ds.SOPInstanceUID),
            sop_class_uid=str(ds.SOPClassUID),
            transfer_syntax=str(ds.file_meta.TransferSyntaxUID),
            series_uid=str(ds.SeriesInstanceUID),
            study_uid=str(ds.StudyInstanceUID),
            association_id=association,
            calling_ae="SCANNER",
            address="127.0.0.1",
            received_at=at,
            path=self.spool.write(name, [buffer.getvalue()]),
            size=len(buffer.getvalue()),
            sha256=digest,
            geometry=_geometry(ds),
        )


def _geometry(ds: Dataset) -> ImageGeometry:
    place, turned = ds.get("ImagePositionPatient"), ds.get("ImageOrientationPatient")
    return ImageGeometry(
        rows=ds.Rows,
        columns=ds.Columns,
        number_of_frames=int(ds.get("NumberOfFrames", 1)),
        position=None if place is None else (float(place[0]), float(place[1]), float(place[2])),
        orientation=None if turned is None else tuple(map(float, turned)),  # type: ignore[arg-type]
        modality=str(ds.Modality),
    )
