"""Pairs as the networks train on them: CT and coarsely registered MR (crMR) on one sagittal grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE, resample
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import read_manifest
from trainer.mr import MRVolume
from trainer.registration.bonewise import bone_points
from trainer.registration.coarse import global_starts, middle_of
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.moving import levels
from trainer.registration.rigid import mean_rigid
from trainer.stage import kept_items
from trainer.synthesis.grid import F32, NOTHING, SliceGrid, scaled_hu, scaled_signal, top_signal
from trainer.unread import is_unread, mark_of, reading

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SliceRequest:
    """Which cohort becomes slices of which grid."""

    archive: Path
    """The folder that the cohort's manifest was made of."""
    cohort: Path
    """Folder of cohort.json."""
    grid: SliceGrid
    bundle: Path | None = None
    """Bundle that finds the knee; the default one where None."""


def slice_item(request: SliceRequest, index: int) -> dict[str, Any]:
    """The pair at `index` of the manifest: `mr` and `ct` [k, j, i] float16 in [-1, 1], `labels` uint8 of the
    CT (1 femur, 2 tibia, 3 patella, 4 fibula), `affine` to LPS mm, `ct_to_mr`, `pair_id` and `fold`.

    A pair that is refused has `code` and `text` instead of the images.
    """
    pair = read_manifest(request.cohort).pairs[index]
    named = {"pair_id": pair.pair_id, "fold": pair.fold}
    try:
        with reading():
            ct, mr = read_ct(pair.ct, request.archive), read_mr(pair.mr, request.archive)
        knee = knee_of(ct, Side(pair.side), _analyser(request.bundle))
        return named | on_grid(ct, mr, knee, whole_knee(knee, mr), request.grid)
    except Refused as refused:
        return named | {"code": refused.code, "text": refused.reason} | mark_of(refused)


def forget_unread(folder: Path) -> None:
    """Remove the items of pairs that could not be read, so that they are made again."""
    for path in kept_items(folder):
        with np.load(path) as item:
            unread = is_unread(item)
        if unread:
            path.unlink()


def whole_knee(knee: CTKnee, mr: MRVolume) -> Array:
    """4 x 4, LPS mm of the CT to LPS mm of the MR: one rigid motion for both bones (paper, section 3.1.1).

    Half way between the two bones of the best global start, so each is off by half the difference in flexion.
    """
    points = bone_points(knee)
    best = global_starts(points, levels(mr)[0], middle_of(mr.affine, mr.size))[0]
    around = np.concatenate([each.lps(every=97) for each in points.values()])
    return mean_rigid(best.transforms[Bone.FEMUR], best.transforms[Bone.TIBIA], around)


def on_grid(ct: CTVolume, mr: MRVolume, knee: CTKnee, ct_to_mr: Array, grid: SliceGrid) -> dict[str, Any]:
    """Both images where both reach, and the bones of the CT."""
    affine = grid.affine(middle_of(knee.affine, SIZE))
    hu, in_ct = resample(ct, affine, grid.size)
    signal, in_mr = moved(mr, ct_to_mr, affine, grid.size)
    both = in_ct & in_mr
    return {
        "mr": np.where(both, signal, NOTHING).astype(np.float16),
        "ct": np.where(both, scaled_hu(hu), NOTHING).astype(np.float16),
        "labels": _labels_on(knee, affine, grid.size) * both,
        "affine": affine,
        "ct_to_mr": ct_to_mr,
    }


def moved(mr: MRVolume, ct_to_mr: Array, affine: Array, size: tuple[int, int, int]) -> tuple[F32, Mask]:
    """An MR in [-1, 1] on a grid of the CT's frame, resampled once, and where it reaches; both [k, j, i]."""
    in_ct_frame = CTVolume(mr.signal, np.linalg.inv(ct_to_mr) @ mr.affine)
    signal, covered = resample(in_ct_frame, affine, size)
    scaled = scaled_signal(signal, top_signal(mr.signal))
    return np.where(covered, scaled, np.float32(NOTHING)), covered


def _labels_on(knee: CTKnee, affine: Array, size: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """The knee's labels, nearest neighbour; nothing outside the analysis grid."""
    mapping = np.linalg.inv(knee.affine) @ affine
    turned = mapping[2::-1, 2::-1]  # of (k, j, i) instead of (i, j, k)
    return np.asarray(
        ndimage.affine_transform(
            knee.labels, turned, offset=mapping[2::-1, 3], output_shape=size[::-1], order=0, mode="constant"
        ),
        dtype=np.uint8,
    )


@cache
def _analyser(bundle: Path | None) -> Analyser:
    """One for each process."""
    return Analyser.load(bundle, device="cpu", threads=1)
