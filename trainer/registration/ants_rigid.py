"""ANTs rigid by mutual information: the paper's registration (sections 3.1.1 and 3.1.3), as the baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.registration.knee import CTKnee

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_SEED = 1
Image = tuple[F32, Array]
"""Values [k, j, i] and the 4 x 4 that takes (i, j, k) to LPS mm."""


def ants_rigid(knee: CTKnee, mr: MRVolume, start: Array | None = None) -> Array:
    """4 x 4, LPS mm of the CT to LPS mm of the MR: one motion for the whole knee.

    `start` is such a transform; without one ANTs begins with the centres of mass on one another.
    """
    return rigid_between((knee.hu, knee.affine), (mr.signal, mr.affine), start)


def rigid_between(
    fixed: Image, moving: Image, start: Array | None = None, within: Mask | None = None
) -> Array:
    """4 x 4, LPS mm of the fixed image to LPS mm of the moving one.

    The images go in with their frames as they are: no axis is flipped. `within` [k, j, i] are the voxels of
    the fixed image that are compared.
    """
    import ants
    from ants.config import set_ants_deterministic

    # Its argument random_seed is not looked at: the sampling of the metric would differ from run to run.
    set_ants_deterministic(on=True, seed_value=_SEED)
    mask = None if within is None else _image(within.astype(np.float32), fixed[1])
    with tempfile.TemporaryDirectory() as folder:
        initial = None if start is None else [_written(start, Path(folder) / "start.mat")]
        found = ants.registration(
            _image(*fixed),
            _image(*moving),
            type_of_transform="Rigid",
            initial_transform=initial,
            outprefix=f"{folder}/",
            mask=mask,
            mask_all_stages=mask is not None,
            singleprecision=True,
        )
        # ITK's transforms resample: this one goes from the fixed image to the moving one, its start included.
        return _matrix(ants.read_transform(found["fwdtransforms"][0]))


def _image(values: F32, affine: Array) -> Any:
    """`values[k, j, i]` as ANTs has them, in LPS as DICOM is."""
    import ants

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return ants.from_numpy(
        np.ascontiguousarray(values.transpose(2, 1, 0)),
        origin=tuple(map(float, affine[:3, 3])),
        spacing=tuple(map(float, spacing)),
        direction=affine[:3, :3] / spacing,
    )


def _written(transform: Array, path: Path) -> str:
    import ants

    made = ants.create_ants_transform(
        transform_type="Euler3DTransform", matrix=transform[:3, :3], translation=tuple(transform[:3, 3])
    )
    ants.write_transform(made, str(path))
    return str(path)


def _matrix(transform: Any) -> Array:
    """ITK's matrix, translation and centre as one 4 x 4."""
    centre = np.asarray(transform.fixed_parameters, dtype=np.float64)
    values = np.asarray(transform.parameters, dtype=np.float64)
    out = np.eye(4)
    out[:3, :3] = values[:9].reshape(3, 3)
    out[:3, 3] = values[9:] + centre - out[:3, :3] @ centre
    return out
