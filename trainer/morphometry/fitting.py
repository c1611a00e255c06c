"""Fit a calibration on phantoms: first the attenuation, then marrow fields with it, then the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from trainer.morphometry.autocorrelation import Autocorrelation
from trainer.morphometry.calibration import (
    Calibration,
    fit_attenuation,
    fit_parameters,
    write_calibration,
)
from trainer.morphometry.noise import Noise
from trainer.morphometry.reference import field_through
from trainer.morphometry.samples import Scanned, maker, statistics_of
from trainer.stage import make_items, write_manifest

F64 = npt.NDArray[np.float64]
Arrays = dict[str, Any]


def run(
    seeds: Sequence[int],
    difficulties: Sequence[str],
    folder: Path,
    out: Path,
    jobs: int,
    voxel: Scanned | None = None,
) -> Calibration:
    """Scan the phantoms `seeds` once at each difficulty, fit, and write the calibration to `out`.

    In voxels of the paper's MR where no others are named; visits of each are kept apart.
    """
    visits: list[Arrays] = []
    at = folder if voxel is None else folder / "{:g}x{:g}".format(*voxel)
    for difficulty in difficulties:
        paths = make_items(
            f"{difficulty} phantoms",
            maker(statistics_of, difficulty, voxel),
            [2 * s for s in seeds],
            at / difficulty,
            jobs,
        )
        visits += [dict(np.load(path)) for path in paths]
    settings: dict[str, object] = {
        "made_by": "ctsma-train calibrate-morphometry",
        "subjects": f"phantoms of seeds {seeds[0]} to {seeds[-1]}",
        "difficulties": list(difficulties),
    }
    calibration = fit(visits, settings)
    write_calibration(calibration, out)
    write_manifest(at, settings)
    return calibration


def fit(visits: Sequence[Arrays], provenance: dict[str, object]) -> Calibration:
    """Fit to the arrays of `statistics_of`."""
    bones = [(visit, str(bone)) for visit in visits for bone in Bone]
    raw = [Autocorrelation.of_row(row) for visit, bone in bones for row in visit[f"{bone}_patches"]]
    truth = np.concatenate([visit[f"{bone}_truth"] for visit, bone in bones])
    k, j, i = (float(side) for side in visits[0][f"{bones[0][1]}_voxel"])
    first = Calibration(fit_attenuation(raw, truth), None, (k, j, i), {})
    marrow = np.concatenate([marrow_at_patches(visit, bone, first) for visit, bone in bones])
    scaled = [one.scaled(1.0 / level) for one, level in zip(raw, marrow, strict=True)]
    noted = {**provenance, "patches": len(raw)}
    return Calibration(first.attenuation, fit_parameters(scaled, truth), (k, j, i), noted)


def marrow_at_patches(visit: Arrays, bone: str, law: Calibration) -> F64:
    """Reference at each patch of a bone, as `fit_reference` finds it."""
    blocks = [Autocorrelation.of_row(row) for row in visit[f"{bone}_blocks"]]
    level = np.array([np.log(one.mean) + law.log_attenuation(one) for one in blocks])
    reference = field_through(
        visit[f"{bone}_points"], level, Noise(float(visit[f"{bone}_noise"]), float(visit[f"{bone}_band"]))
    )
    return reference.marrow_at(visit[f"{bone}_centres"])
