"""Small pairs: the scans of a subject with few voxels, so that many fit into a test."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.mr_acquisition import MRAcquisition
from trainer.phantom.person import Person
from trainer.phantom.subject import Subject, draw_subject

F64 = npt.NDArray[np.float64]


def person(side: Side = Side.LEFT, oa_class: OAClass = OAClass.MILD, number: int = 1) -> Person:
    return Person(number, oa_class, side, "F", 56, 24.9, 1.62)


@cache
def drawn(side: Side = Side.LEFT) -> Subject:
    """The bones of a subject are worked out once: tests only read them."""
    return draw_subject(person(side), 77, DIFFICULTIES["standard"])


def tiny(subject: Subject) -> Subject:
    """The same knee; both scans cover it with a few coarse voxels."""
    ct = replace(subject.ct_acquisition, rows=24, columns=24, fov_mm=24 * 5.0, slices=8, increment=0.9)
    mr = replace(subject.mr_acquisition, rows=32, columns=32, pixel=3.0, slices=3)
    return replace(subject, ct_acquisition=ct, mr_acquisition=mr)


def about(acquisition: MRAcquisition, centre: F64, side: int, slices: int) -> MRAcquisition:
    """The MR's own voxels, `side` x `side` of them in each slice, about a point (LPS mm)."""
    x, y, z = (float(v) for v in centre)
    return replace(acquisition, rows=side, columns=side, slices=slices, centre=(x, y, z))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
