"""The structure law: which threshold gives a BV/TV, and which Tb.Th and Tb.Sp then come out.

The numbers stand in `law.json`, measured once on the field itself by `python -m trainer.phantom.calibrate`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RegularGridInterpolator

F64 = npt.NDArray[np.float64]

LAW_FILE = Path(__file__).with_name("law.json")


@dataclass(frozen=True)
class StructureLaw:
    """Tables over BV/TV and rodness `a`; lengths in units of the wavelength.

    `threshold[b, a, w]` is t, for a field that changes by `width[w]` across a sampled cell (texture.covered).
    """

    bvtv: F64
    rodness: F64
    width: F64
    threshold: npt.NDArray[np.float32]
    thickness_bvtv: F64
    thickness: F64  # [b, a] Tb.Th / wavelength
    separation: F64  # [b, a] Tb.Sp / wavelength

    def parameters(self, bvtv: F64, wavelength: F64, rodness: F64) -> F64:
        """(n, 4): BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N /mm of the law at n points.

        Tb.N is 1 / (Tb.Th + Tb.Sp), of the direct lengths. Below the table's lowest BV/TV the lengths
        are those of its edge.
        """
        b = np.clip(bvtv, self.thickness_bvtv[0], self.thickness_bvtv[-1])
        at = np.stack([b, np.clip(rodness, self.rodness[0], self.rodness[-1])], axis=-1)
        grid = (self.thickness_bvtv, self.rodness)
        thickness = RegularGridInterpolator(grid, self.thickness)(at) * wavelength
        separation = RegularGridInterpolator(grid, self.separation)(at) * wavelength
        return np.stack([bvtv, thickness, separation, 1.0 / (thickness + separation)], axis=-1)


@cache
def law() -> StructureLaw:
    """The calibrated law that ships."""
    table = json.loads(LAW_FILE.read_text())
    return StructureLaw(
        bvtv=np.array(table["bvtv"]),
        rodness=np.array(table["rodness"]),
        width=np.array(table["width"]),
        threshold=np.array(table["threshold"], dtype=np.float32),
        thickness_bvtv=np.array(table["thickness_bvtv"]),
        thickness=np.array(table["thickness"]),
        separation=np.array(table["separation"]),
    )
