"""From apparent measures to parameters: a small log-polynomial, fitted where truth is known and kept as JSON.

It holds for the voxel and the sequence it was fitted on, and for structures like those. The one that ships
was fitted on phantoms in voxels of the paper's MR; `ctsma-train calibrate-morphometry` fits one for others.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.morphometry.autocorrelation import LAGS_MM, Autocorrelation
from trainer.morphometry.distance import Voxel
from trainer.morphometry.polynomial import Polynomial, fitted

F64 = npt.NDArray[np.float64]

SHIPPED = Path(__file__).with_name("calibration.json")
SHADOW = 1.13
"""log(marrow / mean signal) over -log(1 - BV/TV): bone takes this much more signal than its volume. Measured
on phantoms whose field is known."""
SPACING_TOLERANCE = 0.1
"""Relative; other voxels blur trabeculae differently."""
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Calibration:
    """What turns statistics of a patch into marrow and into parameters, and where it comes from."""

    attenuation: Polynomial
    parameters: Polynomial | None  # None while it is being fitted
    voxel: Voxel  # k, j, i, mm
    provenance: dict[str, object]

    def log_attenuation(self, measured: Autocorrelation) -> float:
        """log(marrow / mean signal) of a patch, from its texture alone: no unit of the signal enters."""
        return float(self.attenuation(texture(measured))[0])

    def estimate(self, measured: Autocorrelation) -> F64:
        """(4,): BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm from statistics in units of marrow."""
        if self.parameters is None:
            raise ValueError("this calibration knows marrow alone")
        return np.asarray(np.exp(self.parameters(structure(measured))))

    def check_voxel(self, voxel: Voxel) -> None:
        """Raise ValueError where the image's voxels are not those of the calibration."""
        far = np.abs(np.array(voxel) / np.array(self.voxel) - 1.0) > SPACING_TOLERANCE
        if far.any():
            have, want = (" x ".join(f"{side:.3f}" for side in sides) for sides in (voxel, self.voxel))
            raise ValueError(
                f"MR voxels of {have} mm (k, j, i), but the calibration holds for {want} mm: fit one with"
                f" `ctsma-train calibrate-morphometry --pixel {(voxel[1] + voxel[2]) / 2.0:.3f}"
                f" --slice {voxel[0]:.3f} --out FILE`, and name it: `patches --calibration FILE`"
            )


def texture(measured: Autocorrelation) -> F64:
    """(7,): log of the squared coefficient of variation, correlations within and across slices."""
    return np.array([np.log(measured.variance / measured.mean**2), *_correlations(measured)])


def structure(measured: Autocorrelation) -> F64:
    """(8,): log(1 - mean), log(variance) and the correlations, of a patch in units of marrow."""
    share = max(1.0 - measured.mean, _LEAST_SHARE)
    return np.array([np.log(share), np.log(measured.variance), *_correlations(measured)])


def _correlations(measured: Autocorrelation) -> list[float]:
    """Held to -1..1: where there is no texture, the ratio of two noises is anything."""
    return [float(c) for c in np.clip([*measured.within, measured.across], -1.0, 1.0)]


def fit_attenuation(measured: list[Autocorrelation], truth: F64) -> Polynomial:
    """Least squares of SHADOW * -log(1 - BV/TV) over patches with known BV/TV; `truth` (n, 4)."""
    wanted = -SHADOW * np.log(1.0 - truth[:, :1])
    return fitted(np.stack([texture(one) for one in measured]), wanted, quadratic=1)


def fit_parameters(measured: list[Autocorrelation], truth: F64) -> Polynomial:
    """Least squares of the logarithms of `truth` (n, 4); `measured` in units of marrow."""
    return fitted(np.stack([structure(one) for one in measured]), np.log(truth), quadratic=2)


def write_calibration(calibration: Calibration, path: Path) -> None:
    """As JSON, with the lags that its terms were taken at."""
    path.write_text(json.dumps({"lags_mm": LAGS_MM, **asdict(calibration)}, indent=1) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Raises ValueError where the file was made with other terms than these."""
    content = json.loads(path.read_text())
    if tuple(content.pop("lags_mm", ())) != LAGS_MM:
        raise ValueError(f"{path.name}: fitted at other lags than {LAGS_MM} mm; fit it anew")
    k, j, i = content["voxel"]
    attenuation, parameters = (_polynomial(content[name]) for name in ("attenuation", "parameters"))
    return Calibration(attenuation, parameters, (k, j, i), content["provenance"])


def _polynomial(content: dict[str, Any]) -> Polynomial:
    return Polynomial(
        quadratic=content["quadratic"],
        low=tuple(content["low"]),
        high=tuple(content["high"]),
        least=tuple(content["least"]),
        most=tuple(content["most"]),
        coefficients=tuple(tuple(row) for row in content["coefficients"]),
    )


@cache
def shipped() -> Calibration:
    """The calibration that ships, fitted on phantoms."""
    return read_calibration(SHIPPED)
