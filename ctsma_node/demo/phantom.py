"""The synthetic knee: drawn by the trainer's own command, its truth read from the files beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread

from ctsma_node.analysis.result import Bone, CartilageRegion, OAClass, Parameter, Side
from ctsma_node.demo.pacs import DemoError


@dataclass(frozen=True)
class Phantom:
    """A series on disk."""

    folder: Path  # its instances
    truth: Path  # truth.json, truth.npz beside it
    study_uid: str
    series_uid: str
    count: int


@dataclass(frozen=True)
class KneeTruth:
    """What is known of a synthetic knee."""

    side: Side
    oa_class: OAClass
    grade: int  # Kellgren-Lawrence
    cartilage: dict[CartilageRegion, float]
    mean: dict[Bone, dict[Parameter, float]]  # over the epiphysis


def draw(folder: Path, seed: int, sides: str) -> Phantom:
    """Draw a subject, unless the folder holds it already; raises DemoError."""
    if not list(folder.rglob("truth.npz")):
        command = [sys.executable, "-m", "trainer.cli", "phantom", "--out", str(folder), "--subjects", "1"]
        command += ["--first-seed", str(seed), "--sides", sides]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"The synthetic knee could not be drawn: {done.stderr.strip()[-400:]}")
    truth = next(iter(sorted(folder.rglob("truth.json"))), None)
    if truth is None:
        raise DemoError(f"The synthetic knee has no truth.json under {folder}.")
    series = truth.parent / "dicom"
    instances = sorted(series.glob("*.dcm"))
    first = dcmread(instances[0], stop_before_pixels=True)
    return Phantom(series, truth, str(first.StudyInstanceUID), str(first.SeriesInstanceUID), len(instances))


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
                mean={
                    bone: dict(
                        zip(
                            Parameter,
                            map(float, arrays[f"knee{n}_{bone}_parameters"].mean(axis=0)),
                            strict=True,
                        )
                    )
                    for bone in Bone
                },
            )
            for n, knee in enumerate(described)
        ]
