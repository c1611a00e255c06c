"""The truth of a synthetic series as files: truth.json for people, truth.npz for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone, OAClass, Side
from trainer.phantom.acquisition import CTAcquisition
from trainer.phantom.ct import Painted, label_on
from trainer.phantom.knee import Knee
from trainer.phantom.scene import Scene, draw_scene
from trainer.phantom.structure import Channel, Part
from trainer.phantom.truth import patch_parameters

F64 = npt.NDArray[np.float64]

LATTICE = 4.5
"""Distance of the points at which the parameters are written down, mm: what is wanted in between can be
interpolated, since a patch is almost three times as wide."""
LATTICE_DEPTH = 3.0
"""How deep under the bone's surface they begin, mm. The centres of subregions lie at 5 mm and deeper."""


def write_truth(scene: Painted, acquisition: CTAcquisition, folder: Path, seed: int) -> None:
    """`truth.json`: how the scene was drawn, grade, scores, poses. `truth.npz`: labels on the series' grid
    ([k, j, i], as label_on), its affine, and for each knee n and bone the patch means
    `knee<n>_<bone>_parameters` (m, 4) at `knee<n>_<bone>_points` (m, 3) LPS mm.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "seed": seed,
        "scene": describe(scene) if isinstance(scene, Scene) else None,
        "acquisition": asdict(acquisition),
        "knees": [describe_knee(knee) for knee in scene.knees],
    }
    (folder / "truth.json").write_text(json.dumps(described, indent=1) + "\n")
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "labels": label_on(scene, acquisition.affine, acquisition.size),
        "affine": acquisition.affine,
    }
    for number, knee in enumerate(scene.knees):
        for bone in Bone:
            points = lattice(knee, bone)
            arrays[f"knee{number}_{bone}_points"] = points
            arrays[f"knee{number}_{bone}_parameters"] = patch_parameters(knee, bone, points)
    np.savez_compressed(folder / "truth.npz", **arrays)  # type: ignore[arg-type]


def describe(scene: Scene) -> dict[str, object]:
    """The arguments that `redraw` needs."""
    return {
        "seed": scene.seed,
        "sides": [str(knee.side) for knee in scene.knees],
        "oa_class": None if scene.asked is None else str(scene.asked),
        "flexion": scene.asked_flexion,
    }


def redraw(truth: Path) -> Scene:
    """The scene of a truth.json, drawn again."""
    drawn = json.loads(truth.read_text())["scene"]
    asked = drawn["oa_class"]
    return draw_scene(
        drawn["seed"],
        tuple(Side(side) for side in drawn["sides"]),
        None if asked is None else OAClass(asked),
        flexion=drawn["flexion"],
    )


def lattice(knee: Knee, bone: Bone) -> F64:
    """Points (n, 3) LPS mm through the epiphysis, LATTICE apart, at least LATTICE_DEPTH under the surface."""
    structure = knee.structures[Part(bone.value)]
    every = round(LATTICE / structure.step)
    maps = structure.maps[::every, ::every, ::every]
    deep = maps[..., Channel.DISTANCE] < -LATTICE_DEPTH
    k, j, i = np.nonzero(deep & (maps[..., Channel.BVTV] > 0.05))
    points = structure.origin + structure.step * every * np.stack([i, j, k], axis=1)
    pose = knee.poses[structure.part]
    return np.asarray(points @ pose[:3, :3].T + pose[:3, 3])


def describe_knee(knee: Knee) -> dict[str, object]:
    """Grade, scores, posture and poses of a knee, as JSON takes them."""
    return {
        "seed": knee.seed,
        "side": str(knee.side),
        "oa_class": str(knee.oa_class),
        "kl": knee.kl,
        "severity": knee.severity,
        "flexion": knee.flexion,
        "cartilage": {str(region): score for region, score in knee.cartilage.items()},
        "joint_space": {"medial": knee.disease.joint_space[0], "lateral": knee.disease.joint_space[1]},
        "poses": {str(part): pose.tolist() for part, pose in knee.poses.items()},
    }
