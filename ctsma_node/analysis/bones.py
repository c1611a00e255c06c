"""Segment the bones of one knee on the analysis grid, and the checks that can refuse it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ctsma_node.analysis.batches import in_batches
from ctsma_node.analysis.coarse import FEMUR, FIBULA, PATELLA, TIBIA
from ctsma_node.analysis.grid import SIZE, SPACING
from ctsma_node.analysis.networks import LABELS, BoneSegmenter
from ctsma_node.analysis.result import Bone, Mark, Side
from ctsma_node.analysis.sides import side_of_fibula
from ctsma_node.analysis.subregions import Distance, depth_window, inward_distance
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, apply

VOXEL = float(np.prod(SPACING))
"""mm3."""
_PAD = 160
_BATCH = 5
"""Slices at a time."""
_METAL_HU = 2600.0
_METAL_VOLUME = 60.0
"""mm3 of such values that no cortex reaches after smoothing to 1 mm."""
_LEAST_VOLUME = {Bone.FEMUR: 25_000.0, Bone.TIBIA: 18_000.0}
"""mm3 of bone within its measured depth: below it this is no adult's knee, or half of one."""
_MOST_VOLUME = {Bone.FEMUR: 330_000.0, Bone.TIBIA: 260_000.0}
_CUT_FRACTION = 0.01
_AIR_HU = -700.0
LABEL = {Bone.FEMUR: FEMUR, Bone.TIBIA: TIBIA}

Volume = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def segment(hu: Volume, segmenter: BoneSegmenter, device: torch.device) -> Labels:
    """Labels [k, j, i] of a knee's bones: 1 femur, 2 tibia, 3 patella, 4 fibula."""
    padded = np.pad(hu, ((1, 1), *_padding()), mode="edge")
    slices = np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1)

    def label(batch: torch.Tensor) -> Labels:
        logits = segmenter(batch.contiguous(memory_format=torch.channels_last))
        return np.asarray(logits.argmax(dim=1).to(torch.uint8).cpu().numpy())

    out = in_batches(label, (torch.from_numpy(slices),), _BATCH, device)
    (top, _), (left, _) = _padding()
    labels = np.concatenate(out)[:, top : top + SIZE[1], left : left + SIZE[0]]
    return tidy(np.ascontiguousarray(labels))


def _padding() -> tuple[tuple[int, int], tuple[int, int]]:
    a, b = _PAD - SIZE[1], _PAD - SIZE[0]
    return (a // 2, a - a // 2), (b // 2, b - b // 2)


def tidy(labels: Labels) -> Labels:
    """One piece for each bone, without holes."""
    clean = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels, LABELS - 1), start=1):
        if box is None:
            continue
        pieces, _ = ndimage.label(labels[box] == label)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        # What is outside the box is no bone, so a hole is the same in the box as in the volume.
        bone = ndimage.binary_fill_holes(pieces == sizes.argmax())
        clean[box][bone & (clean[box] == 0)] = label
    return clean


def side_of(labels: Labels, affine: Array) -> Side | None:
    """Side of a knee from its fibula; labels [k, j, i] around the joint, `affine` to LPS mm."""

    def points(label: int) -> Array:
        return apply(affine, np.argwhere(labels == label)[:, ::-1])

    centre = apply(affine, (np.array(labels.shape[::-1]) - 1) / 2.0)
    return side_of_fibula(points(FIBULA), points(TIBIA), points(PATELLA), centre, VOXEL)


def has_fibula(labels: Labels) -> bool:
    """Whether a fibula is there, whatever it tells."""
    return bool((labels == FIBULA).any())


def check_metal(hu: Volume) -> None:
    """Refuse a knee with an implant: its streaks are not bone."""
    volume = float((hu > _METAL_HU).sum()) * VOXEL
    if volume > _METAL_VOLUME:
        raise Refused(
            "metal_implant",
            f"About {volume / 1000:.1f} cm3 of metal lie in the knee: texture beside an implant is not bone.",
        )


def distances(labels: Labels) -> dict[Bone, Distance]:
    """Inward distance of each measured bone."""
    return {bone: inward_distance(labels == LABEL[bone]) for bone in Bone}


def check_bones(inward: dict[Bone, Distance], covered: Mask, hu: Volume) -> None:
    """Refuse a knee whose bones are cut off by the field of view, or are not credible as a knee's."""
    edge = _edge(covered, hu)
    for bone, distance in inward.items():
        window = depth_window(distance > 0, bone)
        _check_cut(window, edge, bone)
        _check_volume(float(window.sum()) * VOXEL, bone)
        _check_cortex(distance, window, hu, bone)
    _check_joint(inward[Bone.FEMUR] > 0, inward[Bone.TIBIA] > 0)


def _edge(covered: Mask, hu: Volume) -> Mask:
    """The grid's planes, and what lies up to 2 mm from what was not scanned.

    That is beyond the matrix, or beyond the circle of reconstruction or a frame of padding within it, which
    is air by its values. Air around a leg is no nearer to bone than its skin is thick; gas in a joint is
    apart.
    """
    edge = np.ones(covered.shape, dtype=bool)
    edge[:, 1:-1, 1:-1] = False
    unseen = ~covered | _outer_air(hu)
    return edge | ndimage.binary_dilation(unseen, iterations=2) if unseen.any() else edge


def _outer_air(hu: Volume) -> Mask:
    """Air that reaches a face of the grid."""
    pieces, n = ndimage.label(hu < _AIR_HU)
    inner = pieces[1:-1, 1:-1, 1:-1]
    outer = np.ones(n + 1, dtype=bool)
    outer[0] = False
    faces = np.bincount(pieces.ravel(), minlength=n + 1) > np.bincount(inner.ravel(), minlength=n + 1)
    return np.asarray((outer & faces)[pieces])


def _check_cut(window: Mask, edge: Mask, bone: Bone) -> None:
    """The measured part of a bone must not touch the edge of what was scanned."""
    cut = int((window & edge).sum())
    if cut > _CUT_FRACTION * max(int(window.sum()), 1):
        raise Refused(
            "knee_cut_off",
            f"The {bone.value} is cut off by the field of view within the part that is measured: "
            "reconstruct the whole joint.",
        )


def _check_joint(femur: Mask, tibia: Mask) -> None:
    """Where most of the tibia goes on as femur, there is no joint: one bone was taken for two."""
    touching = int((tibia[:, 1:] & femur[:, :-1]).sum())
    widest = int(tibia.sum(axis=(0, 2)).max())
    if touching > 0.5 * widest:
        raise Refused(
            "knee_cut_off",
            "The field of view shows one bone without the joint: both bones must be in the series.",
        )


def wider_than_grid(inward: dict[Bone, Distance]) -> tuple[Mark, ...]:
    """Marks the bones that reach beyond the 90 mm of the grid across: their rims are not measured."""
    wide = [bone.value for bone, distance in inward.items() if (distance[[0, -1]] > 0).any()]
    if not wide:
        return ()
    text = f"beyond the 90 mm of the analysis grid the {' and '.join(wide)} is not measured"
    return (Mark("wider_than_grid", text),)


def _check_volume(volume: float, bone: Bone) -> None:
    if volume < _LEAST_VOLUME[bone] or volume > _MOST_VOLUME[bone]:
        raise Refused(
            "bones_not_credible",
            f"The {bone.value} has {volume / 1000:.0f} cm3 within its measured depth, outside "
            f"{_LEAST_VOLUME[bone] / 1000:.0f} to {_MOST_VOLUME[bone] / 1000:.0f}: this is no adult knee.",
        )


def _check_cortex(distance: Distance, window: Mask, hu: Volume, which: Bone) -> None:
    """Bone has a shell that is denser than its inside, and an inside between fat and cortex."""
    shell = float(np.median(hu[window & (distance <= 2.5)]))
    inside = float(np.median(hu[window & (distance > 4.0)]))
    if not (-150.0 < inside < 1000.0 and shell > inside - 150.0 and shell > 80.0):
        raise Refused(
            "bones_not_credible",
            f"The {which.value} has a median of {shell:.0f} HU in its shell and {inside:.0f} HU inside: "
            "that is not bone in Hounsfield units.",
        )
