"""The other series of a case's study, as far as the ledgers and one header of each tell."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ctsma_node.assemble.frames import frames_of
from ctsma_node.assemble.headers import read_header
from ctsma_node.assemble.series import FrameGeometry
from ctsma_node.assemble.stack import SAME_DIRECTION
from ctsma_node.choice import Candidate, Sibling, Stands, describe
from ctsma_node.errors import Refused
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import END_STATES, Case, Instance, SeriesState

_CUT_OFF = "knee_cut_off"


class Siblings:
    """Looks them up anew each time; a series is described once for each number of its instances."""

    def __init__(self, inbox: InboxReader, cases: Cases, spool: Path) -> None:
        self._inbox = inbox
        self._cases = cases
        self._spool = spool
        self._described = lru_cache(maxsize=1024)(self._describe)

    def of(self, case: Case) -> list[Sibling]:
        """Every series of the study that has been measured or may yet be."""
        study = self._cases.by_study(case.study_uid)
        latest = {each.series_uid: each for each in study if each.series_uid != case.series_uid}
        measured = {each.series_uid: each for each in study if self._cases.has_set(each.id)}
        found = (self._sibling(each, measured.get(each.series_uid)) for each in latest.values())
        return [each for each in found if each is not None]

    def last_instance_at(self, case: Case) -> float:
        """When the last instance of the whole study came."""
        return max(each.last_instance_at for each in self._cases.by_study(case.study_uid))

    def _sibling(self, case: Case, measured: Case | None) -> Sibling | None:
        """`measured` is the latest revision that has a set."""
        stands = _stands(case) if measured is None else _measured(self._cases.refused_knees(measured.id))
        candidate = None if stands is None else self._described(case.series_uid, case.n_instances)
        return None if stands is None or candidate is None else Sibling(candidate, stands)

    def _describe(self, series_uid: str, n_instances: int) -> Candidate | None:
        """None where it is no CT, or no header can be read: such a series holds none back."""
        rows = self._inbox.instances(series_uid)[:n_instances]
        if not rows or rows[0].modality not in ("CT", None):
            return None
        middle = sorted(rows, key=lambda row: row.position or ())[len(rows) // 2]
        path = self._spool / middle.path
        ds = _read(path)
        return None if ds is None else describe(_frames(ds, path, rows), ds)


def _measured(refused: Set[str]) -> Stands | None:
    """By the codes of the knees that were refused beside the measured one.

    A knee that is cut off is cut off in every series of the same field of view. One that was refused for
    anything else may be measured in any other series: none is held back.
    """
    if not refused:
        return Stands.MEASURED
    return Stands.PARTLY if refused <= {_CUT_OFF} else None


def _stands(case: Case) -> Stands | None:
    """None where nothing will come of it."""
    if case.state in END_STATES:
        return None
    return Stands.ARRIVING if case.state is SeriesState.RECEIVING else Stands.WAITING


def _frames(ds: Dataset, path: Path, rows: Sequence[Instance]) -> tuple[FrameGeometry, ...]:
    """One instance's frames, put in the places that the inbox noted of the others of its orientation."""
    frames = frames_of(ds, path)
    orientation = frames[0].orientation
    if len(frames) != 1 or orientation is None:
        return frames
    places = [row.position for row in rows if row.position and _is_one(row.orientation, orientation)]
    return tuple(replace(frames[0], position=place) for place in places) or frames


def _is_one(a: Sequence[float] | None, b: Sequence[float]) -> bool:
    """Whether two orientations are one, up to the rounding that slices of a stack may have."""
    return a is not None and bool(np.all(np.abs(np.subtract(a, b)) <= SAME_DIRECTION))


def _read(path: Path) -> Dataset | None:
    try:
        return read_header(path)
    except (Refused, OSError):  # what cannot be read now holds nothing back
        return None
