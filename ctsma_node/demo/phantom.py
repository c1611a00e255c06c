"""The synthetic knee: drawn by the trainer's own command, its truth read from the files beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from scipy.interpolate import RBFInterpolator

from ctsma_node.analysis.result import Bone, CartilageRegion, OAClass, Side
from ctsma_node.demo.pacs import DemoError

F64 = npt.NDArray[np.float64]

_PRESETS = {"RL": "table2"}
"""The field of view of the routine acquisition holds one knee."""
_NEIGHBOURS = 20
"""Points around a place that its truth is taken from; more changes nothing that is shown."""


@dataclass(frozen=True)
class Phantom:
    """A series on disk."""

    folder: Path  # its instances
    truth: Path  # truth.json, truth.npz beside it
    study_uid: str
    series_uid: str
    count: int


@dataclass(frozen=True, eq=False)
class PatchTruth:
    """True means of the parameters over 12 mm patches at points throughout a bone."""

    points: F64  # (m, 3), LPS mm
    parameters: F64  # (m, 4), in the order of Parameter

    def at(self, centres: F64) -> F64:
        """The same over patches at centres (n, 3), LPS mm: (n, 4).

        Interpolated, exact where the truth is linear. Patches overlap from point to point, so the means
        change smoothly: on phantoms the mean over the subregions is within 0.3 % of the truth drawn there.
        """
        known = np.isfinite(self.parameters).all(axis=1)
        field = RBFInterpolator(
            self.points[known], self.parameters[known], neighbors=_NEIGHBOURS, kernel="linear", degree=1
        )
        return np.asarray(field(centres), dtype=np.float64)


@dataclass(frozen=True)
class KneeTruth:
    """What is known of a synthetic knee."""

    side: Side
    oa_class: OAClass
    grade: int  # Kellgren-Lawrence
    cartilage: dict[CartilageRegion, float]
    patches: dict[Bone, PatchTruth]


def is_drawn(folder: Path) -> bool:
    """Whether an earlier demonstration left its synthetic knee here."""
    return folder.exists()


def draw(folder: Path, seed: int, sides: str) -> Phantom:
    """Draw a subject, unless the folder holds it already; raises DemoError."""
    if not is_drawn(folder):
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        wanted = {
            "--out": str(unfinished),
            "--subjects": "1",
            "--first-seed": str(seed),
            "--sides": sides,
            "--preset": _PRESETS.get(sides, "routine"),
        }
        command = [sys.executable, "-m", "trainer.cli", "scan", *chain.from_iterable(wanted.items())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"The synthetic knee could not be drawn: {done.stderr.strip()[-400:]}")
        unfinished.rename(folder)
    return _found(folder)


def truth_of(phantom: Phantom) -> list[KneeTruth]:
    """The truth of each knee in the field of view."""
    described = json.loads(phantom.truth.read_text())["knees"]
    with np.load(phantom.truth.with_suffix(".npz")) as arrays:
        return [
            KneeTruth(
                side=Side(knee["side"]),
                oa_class=OAClass(knee["oa_class"]),
                grade=int(knee["kl"]),
                cartilage={CartilageRegion(name): float(score) for name, score in knee["cartilage"].items()},
                patches={
                    bone: PatchTruth(arrays[f"knee{n}_{bone}_points"], arrays[f"knee{n}_{bone}_parameters"])
                    for bone in Bone
                },
            )
            for n, knee in enumerate(described)
        ]


def _found(folder: Path) -> Phantom:
    truth = next(iter(sorted(folder.rglob("truth.json"))), None)
    if truth is None:
        raise DemoError(f"The synthetic knee has no truth.json under {folder}; remove that folder.")
    series = truth.parent / "dicom"
    instances = sorted(series.glob("*.dcm"))
    first = dcmread(instances[0], stop_before_pixels=True)
    return Phantom(series, truth, str(first.StudyInstanceUID), str(first.SeriesInstanceUID), len(instances))
