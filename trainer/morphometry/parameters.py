"""One record of what is measured of trabecular bone, with units and definitions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

NAMES = ("BV/TV", "Tb.Th", "Tb.Sp", "Tb.N")
"""Order of the four parameters wherever they stand in the last axis of an array."""


class Method(StrEnum):
    """How the lengths are defined; numbers of two methods are never mixed."""

    DIRECT = "direct"
    PLATE = "plate"
    SKELETON = "skeleton"
    SRRD = "srrd"
    AUTOCORRELATION = "autocorrelation"


@dataclass(frozen=True)
class TrabecularParameters:
    """The four parameters of Bouxsein et al. 2010 (J Bone Miner Res 25: 1468-1486), of one method.

    `apparent` marks numbers measured on an image that does not resolve trabeculae (MR, clinical CT): written
    app.BV/TV and so on (Majumdar et al. 1998), they are no micro-CT equivalents.
    """

    method: Method
    apparent: bool
    bvtv: float  # bone volume over total volume, 1
    thickness: float  # Tb.Th, mm
    separation: float  # Tb.Sp, mm
    number: float  # Tb.N, 1/mm
    anisotropy: float | None = None  # DA, 0 isotropic to 1
    connectivity: float | None = None  # Conn.D, 1/mm3
    structure_model_index: float | None = None  # SMI, 0 plates, 3 rods, 4 spheres

    def as_row(self) -> npt.NDArray[np.float64]:
        """(4,): BV/TV, Tb.Th, Tb.Sp, Tb.N in the order of NAMES."""
        return np.array([self.bvtv, self.thickness, self.separation, self.number])

    @property
    def names(self) -> tuple[str, ...]:
        """NAMES, marked where they are apparent."""
        return tuple(f"app.{name}" if self.apparent else name for name in NAMES)
