"""One subject of a drawn cohort, read from its DICOM files as any archive is, with its truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from ctsma_node.assemble import read_series, to_volume
from ctsma_node.volume import CTVolume
from trainer.cohort.images import read_mr
from trainer.cohort.manifest import SeriesEntry
from trainer.mr import MRVolume
from trainer.phantom.knee import Knee
from trainer.phantom.paired_cohort import ARCHIVE, TRUTH, PhantomSettings, draw_cohort, subject_of
from trainer.phantom.subject import Subject
from trainer.stage import MANIFEST

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

THIN, STANDARD = "thin", "standard"
"""The two CT series of a subject: 0.27 x 0.27 x 0.3 mm, and 0.977 x 0.977 x 1 mm."""


@dataclass(frozen=True, eq=False)
class Scans:
    """The 1 mm CT and the MR with the true labels [k, j, i] on their grids (1 femur, 2 tibia, ...)."""

    subject: Subject
    ct: CTVolume
    ct_labels: U8
    mr: MRVolume
    mr_labels: U8
    centres: dict[Bone, F64]  # (100, 3) of the node's subregions, LPS mm of the CT
    parameters: dict[Bone, F64]  # (100, 4) BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm there

    @property
    def knee(self) -> Knee:
        """As it lay in the CT."""
        return self.subject.ct_knee


def cohort_settings(cohort: Path) -> PhantomSettings:
    """What the cohort was written with. Raises ValueError where the folder holds no drawn cohort."""
    path = cohort / MANIFEST
    try:
        return PhantomSettings(**json.loads(path.read_text())["settings"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} does not describe a drawn cohort: write one with `ctsma-train phantom --out {cohort}`"
        ) from error


def numbers_written(cohort: Path) -> list[int]:
    """The subjects that are there whole, by number."""
    names = {path.name for path in (cohort / ARCHIVE).glob("P*")}
    people = draw_cohort(cohort_settings(cohort))
    return [person.number for person in people if person.patient_id in names]


def draw_again(cohort: Path, number: int, visit: int = 0) -> Subject:
    """Subject `number` of a cohort; another `visit` positions and scans it anew."""
    settings = cohort_settings(cohort)
    return subject_of(draw_cohort(settings)[number - 1], settings, visit)


def read_scans(cohort: Path, number: int) -> Scans:
    """Read one subject. Raises ValueError where the files do not lie where the truth says."""
    subject = draw_again(cohort, number)
    name = subject.person.patient_id
    truth = np.load(cohort / TRUTH / name / "truth.npz")
    ct, mr = read_ct(cohort, name, STANDARD), _read_mr(cohort, name)
    for affine, what in ((ct.affine, "ct_affine"), (mr.affine, "mr_affine")):
        if not np.allclose(affine, truth[what], atol=1e-2):
            raise ValueError(f"{name}: the {what[:2].upper()} does not lie where its truth says")
    return Scans(
        subject=subject,
        ct=ct,
        ct_labels=truth["ct_labels"],
        mr=mr,
        mr_labels=truth["mr_labels"],
        centres={bone: truth[f"{bone}_centres"] for bone in Bone},
        parameters={bone: truth[f"{bone}_parameters"] for bone in Bone},
    )


def read_ct(cohort: Path, name: str, series: str, slices: slice = slice(None)) -> CTVolume:
    """A CT series of a subject, or some of its slices."""
    return to_volume(read_series(_files(cohort, name, f"CT/{series}")[slices]))


def _read_mr(cohort: Path, name: str) -> MRVolume:
    files = _files(cohort, name, "MR/bffe")
    found = read_series(files)
    first = found.frames[0]
    spacing = np.linalg.norm(found.affine[:3, :3], axis=0)
    described: dict[str, Any] = {
        "modality": "MR",
        "source": "dicom",
        "folder": files[0].parent.relative_to(cohort).as_posix(),
        "files": tuple(path.name for path in files),
        "size": (first.columns, first.rows, len(files)),
        "spacing_mm": tuple(spacing.tolist()),
        "affine": found.affine.tolist(),
    }
    return read_mr(SeriesEntry.model_validate(described), cohort)


def _files(cohort: Path, name: str, series: str) -> list[Path]:
    files = sorted((cohort / ARCHIVE / name / series / "dicom").glob("*.dcm"))
    if not files:
        raise ValueError(f"{cohort / ARCHIVE / name / series}: no DICOM files; write the cohort anew")
    return files
