"""Patches with their truth, cut by the very code that the node runs.

Each phantom is scanned by a random acquisition, brought onto the analysis grid and divided as in the node;
the truth of a patch is the phantom's own parameters averaged over the patch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.grid import AIR, SIZE, canonical, canonical_affine, knee_affine, resample
from ctsma_node.analysis.patches import covered_centre, cut, noise_context
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.analysis.subregions import CORTEX, inward_distance, trabecular_region
from ctsma_node.volume import apply
from trainer.phantom.acquisition import CTAcquisition, draw_acquisition
from trainer.phantom.ct import label_on, render_ct
from trainer.phantom.scene import draw_scene
from trainer.phantom.truth import patch_parameters

_BOX = (47.0, 58.0, 46.0)
"""mm kept on either side of the joint along L, P and S: what is measured lies within."""
PER_BONE = 150
"""Patches cut from each bone of a training knee."""


def knee_patches(seed: int) -> dict[str, Any]:
    """`hu` float16 and `mask` bool (n, 12, 12, 12), `context` (C,), `truth` (n, 4), `centre` LPS (n, 3)."""
    rng = np.random.default_rng([seed, 21])
    side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    scene = draw_scene(seed, (side,))
    knee = scene.knees[0]
    affine = knee_affine(knee.placement[:3, 3] + rng.uniform(-4, 4, 3))
    volume = render_ct(scene, _cropped(draw_acquisition(seed, scene), knee.placement[:3, 3]))
    hu, covered = resample(volume, affine, SIZE)
    labels = _wobble(canonical(label_on(scene, affine, SIZE, knee=0), side), rng)
    hu, covered = canonical(hu, side), canonical(covered, side)
    out: dict[str, list[Any]] = {"hu": [], "mask": [], "truth": [], "centre": []}
    for bone in Bone:
        distance = inward_distance(labels == LABEL[bone])
        points = np.argwhere(trabecular_region(distance, bone) & covered)
        if len(points) < PER_BONE:
            continue
        picked = points[rng.choice(len(points), PER_BONE, replace=False)]
        centres = picked + rng.uniform(-0.5, 0.5, (PER_BONE, 3))
        out["hu"].append(cut(hu, centres, AIR).astype(np.float16))
        out["mask"].append(cut((distance > CORTEX) & covered, centres, 0.0) > 0)
        lps = apply(canonical_affine(affine, side), covered_centre(centres)[:, ::-1])
        out["truth"].append(patch_parameters(knee, bone, lps))
        out["centre"].append(lps)
    joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in out.items()}
    return joined | {"context": noise_context(hu, labels > 0), "subject": np.array(seed)}


def _cropped(acquisition: CTAcquisition, centre_of_joint: Any) -> CTAcquisition:
    """The same voxels, only those around the joint: a scan of the whole leg takes minutes to draw."""
    corners = (
        centre_of_joint + np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * _BOX
    )
    at = apply(np.asarray(np.linalg.inv(acquisition.affine), dtype=np.float64), corners)
    low = np.clip(np.floor(at.min(axis=0)), 0, np.array(acquisition.size) - 1).astype(int)
    high = np.clip(np.ceil(at.max(axis=0)), low + 1, acquisition.size).astype(int)
    columns, rows, slices = (int(n) for n in high - low)
    centre = apply(acquisition.affine, (low + high - 1) / 2.0)
    return replace(
        acquisition,
        columns=columns,
        rows=rows,
        slices=slices,
        fov_mm=acquisition.pixel * columns,
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
    )


def _wobble(labels: Any, rng: np.random.Generator) -> Any:
    """Labels as a segmenter gives them: grown or shrunk by up to a voxel."""
    grow = int(rng.integers(-1, 2))
    if grow == 0:
        return labels
    changed = labels.copy()
    for label in LABEL.values():
        bone = labels == label
        if grow > 0:
            changed[ndimage.binary_dilation(bone) & (labels == 0)] = label
        else:
            changed[bone & ~ndimage.binary_erosion(bone)] = 0
    return changed
