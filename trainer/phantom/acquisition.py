"""How a series is acquired: planes, field of view, slices, kernel, dose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ctsma_node.volume import apply

if TYPE_CHECKING:
    from trainer.phantom.scene import Scene

F64 = npt.NDArray[np.float64]
Orientation = Literal["axial", "sagittal", "coronal", "oblique"]
Matrix3 = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

IDENTITY: Matrix3 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

# Columns: direction (LPS) of increasing i, j, k.
_AXES: dict[Orientation, F64] = {
    "axial": np.eye(3),
    "oblique": np.eye(3),
    "sagittal": np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "coronal": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}


@dataclass(frozen=True)
class CTAcquisition:
    """One series. Lengths in mm, noise in HU.

    `rotation` turns the standard planes about the centre (rows of a 3 x 3 matrix on LPS). `flip_i` and
    `flip_j` run rows or columns the other way, `reverse_k` the slices. `tilt` shears the stack as a tilted
    gantry does.
    """

    orientation: Orientation = "axial"
    rows: int = 512
    columns: int = 512
    fov_mm: float = 180.0  # along a row
    slice_thickness: float = 1.0
    increment: float = 1.0
    slices: int = 125
    kernel_fwhm: float = 0.9
    noise_hu: float = 40.0  # standard deviation in a 1 mm pixel of a 1 mm slice
    noise_seed: int = 0
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)  # LPS
    rotation: Matrix3 = IDENTITY
    flip_i: bool = False
    flip_j: bool = False
    reverse_k: bool = False
    tilt: float = 0.0  # degrees about the row direction
    metal: bool = False
    kernel_name: str = "B60s"

    @property
    def pixel(self) -> float:
        """Side of a pixel, mm."""
        return self.fov_mm / self.columns

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.columns, self.rows, self.slices

    @property
    def affine(self) -> F64:
        """(i, j, k) to LPS mm; the middle of the grid is at `centre`."""
        signs = [-1.0 if flag else 1.0 for flag in (self.flip_i, self.flip_j, self.reverse_k)]
        directions = np.array(self.rotation) @ _AXES[self.orientation] * signs
        columns = directions * [self.pixel, self.pixel, self.increment]
        columns[:, 2] += directions[:, 1] * np.tan(np.deg2rad(self.tilt)) * self.increment
        out = np.eye(4)
        out[:3, :3] = columns
        out[:3, 3] = np.array(self.centre) - columns @ ((np.array(self.size) - 1) / 2.0)
        return out


PRESETS: dict[str, CTAcquisition] = {
    # The paper's supplement: 14 cm field, 512 matrix, 1 mm slices every 0.3 mm, sharp kernel.
    "paper": CTAcquisition(
        fov_mm=140.0, increment=0.3, slices=450, kernel_fwhm=0.65, noise_hu=30.0, kernel_name="U70u"
    ),
    # Table 2: 500 mm in 512, 1 mm.
    "table2": CTAcquisition(fov_mm=500.0, slices=150, kernel_fwhm=1.0, kernel_name="B46s"),
    "routine": CTAcquisition(fov_mm=0.35 * 512, slices=125, noise_hu=35.0),
    "small": CTAcquisition(rows=192, columns=192, fov_mm=187.6, slices=148),
}
"""`replace(PRESETS[name], centre=..., noise_seed=...)` makes one of a scene."""


def preset(name: str, scene: Scene, noise_seed: int | None = None) -> CTAcquisition:
    """A preset laid over the knees of a scene."""
    x, y, z = scene.centre
    seed = scene.seed if noise_seed is None else noise_seed
    return replace(PRESETS[name], centre=(float(x), float(y), float(z)), noise_seed=seed)


def draw_acquisition(seed: int, scene: Scene) -> CTAcquisition:
    """Anything a hospital may send that shows the scene's knees: plane, field, slices, kernel, dose."""
    rng = np.random.default_rng((seed, 17))
    orientation: Orientation = ("axial", "sagittal", "coronal", "oblique")[
        int(rng.choice(4, p=[0.6, 0.16, 0.12, 0.12]))
    ]
    coverage = float(rng.uniform(125.0, 165.0))
    both = len(scene.knees) > 1
    wide = float(
        rng.uniform(330.0, 500.0)
        if both
        else rng.choice([rng.uniform(145.0, 220.0), rng.uniform(220.0, 500.0)])
    )
    thickness = float(rng.choice([0.6, 0.75, 1.0, 1.0, 1.25, 1.5, 2.0, 3.0]))
    increment = float(np.clip(thickness * rng.choice([0.3, 0.5, 0.7, 1.0, 1.0]), 0.3, 3.0))
    centre = scene.centre + rng.normal(0.0, [4.0, 4.0, 5.0])
    columns = int(rng.choice([320, 384, 512, 512]))
    rows, depth = columns, coverage
    if orientation in ("sagittal", "coronal"):
        # Reformats: the rows cover the length of the leg, the slices its width or depth.
        wide = max(wide if orientation == "coronal" else min(wide, 220.0), 140.0)
        depth = (330.0 if both else 120.0) if orientation == "sagittal" else 140.0
        rows = int(np.ceil(coverage / (wide / columns)))
    turn = rng.normal(0.0, 12.0 if orientation == "oblique" else 1.0, 3) * (
        1.0 if orientation == "oblique" else 0.0
    )
    return CTAcquisition(
        orientation=orientation,
        rows=rows,
        columns=columns,
        fov_mm=round(wide, 1),
        slice_thickness=thickness,
        increment=round(increment, 3),
        slices=int(np.ceil(depth / increment)),
        kernel_fwhm=float(rng.uniform(0.6, 1.4)),
        noise_hu=float(np.exp(rng.uniform(np.log(15.0), np.log(100.0)))),
        noise_seed=int(rng.integers(2**31)),
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        rotation=_rows(Rotation.from_rotvec(np.deg2rad(turn)).as_matrix()),
        flip_i=bool(rng.random() < 0.1),
        flip_j=bool(rng.random() < 0.1),
        reverse_k=bool(rng.random() < 0.5),
        kernel_name=str(rng.choice(["B30s", "B46s", "B60s", "BONE", "U70u"])),
    )


def cropped(acquisition: CTAcquisition, around: F64, reach: tuple[float, float, float]) -> CTAcquisition:
    """The same voxels, only those within `reach` mm (L, P, S) of a point: a whole leg takes minutes."""
    steps = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    at = apply(np.asarray(np.linalg.inv(acquisition.affine), dtype=np.float64), around + steps * reach)
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


def _rows(matrix: F64) -> Matrix3:
    first, second, third = (tuple(float(v) for v in row) for row in matrix)
    return (first, second, third)  # type: ignore[return-value]
