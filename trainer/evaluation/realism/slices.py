"""Planes through a volume, and the same plane through the other scan of the same bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import apply
from trainer.evaluation.realism.scans import Scans
from trainer.evaluation.realism.zones import F32, F64
from trainer.phantom.structure import Part

ZOOM_MM, ZOOM_STEP = 22.0, 0.1
"""Side and sampling of the zooms."""
SPOT = (21.0, 4.0, -16.0)
"""Middle of the zooms in the tibia's frame, mm for a knee of middle size: under the medial plateau."""


@dataclass(frozen=True, eq=False)
class Plane:
    """Points `origin` + a * `right` + b * `down`, LPS mm, on a regular grid."""

    points: F64  # (rows, columns, 3)
    step: float

    @classmethod
    def about(cls, centre: F64, right: F64, down: F64, size: tuple[float, float], step: float) -> Plane:
        """`size` (across, down) mm about a centre; `right` and `down` are unit vectors."""
        across, along = (np.arange(-0.5 * side, 0.5 * side + step / 2, step) for side in size)
        return cls(centre + across[None, :, None] * right + along[:, None, None] * down, step)

    def moved(self, transform: F64) -> Plane:
        """Carried by a 4 x 4 transform."""
        return Plane(apply(transform, self.points), self.step)


def seen(
    values: npt.NDArray[np.generic], affine: F64, plane: Plane, order: int = 1, outside: float = 0.0
) -> F32:
    """`values` [k, j, i] on a plane."""
    index = apply(np.asarray(np.linalg.inv(affine)), plane.points)
    coordinates = np.moveaxis(index[..., ::-1], -1, 0)
    source = values if order == 0 else np.asarray(values, dtype=np.float32)
    return np.asarray(
        map_coordinates(source, coordinates, order=order, mode="constant", cval=outside), dtype=np.float32
    )


def anatomical(centre: F64, name: str, size: tuple[float, float], step: float) -> Plane:
    """A plane as radiologists show it: the patient's right or front on the left, superior or front on top."""
    right, down = {
        "axial": ((1, 0, 0), (0, 1, 0)),
        "coronal": ((1, 0, 0), (0, 0, -1)),
        "sagittal": ((0, 1, 0), (0, 0, -1)),
    }[name]
    return Plane.about(centre, np.array(right, float), np.array(down, float), size, step)


def spot_in_mr(scans: Scans) -> F64:
    """Where the zooms' middle lies in the MR, LPS mm."""
    knee = scans.subject.mr_knee
    own = np.array(SPOT) * np.array(knee.anatomy.size)
    return apply(knee.poses[Part.TIBIA], own)


def zoom_planes(scans: Scans) -> tuple[Plane, Plane]:
    """The zooms of the CT and the MR: one plane of the tibia, along the MR's slices, carried by the truth."""
    axes = scans.mr.affine[:3, :3] / scans.mr.spacing
    centre = spot_in_mr(scans)
    k = np.rint(scans.mr.to_index(centre)[2])
    centre = centre + axes[:, 2] * (k - scans.mr.to_index(centre)[2]) * scans.mr.spacing[2]
    mr = Plane.about(centre, axes[:, 0], axes[:, 1], (ZOOM_MM, ZOOM_MM), ZOOM_STEP)
    return mr.moved(np.asarray(np.linalg.inv(scans.subject.ct_to_mr(Bone.TIBIA)))), mr
