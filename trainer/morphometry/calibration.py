"""From apparent measures to parameters: a small log-polynomial, fitted where truth is known and kept as JSON.

It holds for the voxel and the sequence it was fitted on, and for structures like those. The one that ships
was fitted on phantoms: a site that has micro-CT or HR-pQCT of some of its knees fits its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.morphometry.autocorrelation import LAGS_MM, Autocorrelation
from trainer.morphometry.distance import Voxel

F64 = npt.NDArray[np.float64]

SHIPPED = Path(__file__).with_name("calibration.json")
SHADOW = 1.14
"""log(marrow / mean signal) over -log(1 - BV/TV): bone takes this much more signal than its volume. Measured
on phantoms whose field is known."""
SPACING_TOLERANCE = 0.1
"""Relative; other voxels blur trabeculae differently."""
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Calibration:
    """Coefficients over `attenuation_terms` (9,) and `parameter_terms` (4, 12), and where they come from."""

    attenuation: tuple[float, ...]
    parameters: tuple[tuple[float, ...], ...]
    voxel: Voxel  # k, j, i, mm
    provenance: dict[str, object]

    def log_attenuation(self, measured: Autocorrelation) -> float:
        """log(marrow / mean signal) of a patch, from its texture alone: no unit of the signal enters."""
        return float(attenuation_terms(measured) @ np.array(self.attenuation))

    def estimate(self, measured: Autocorrelation) -> F64:
        """(4,): BV/TV, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm from statistics in units of marrow."""
        return np.asarray(np.exp(np.array(self.parameters) @ parameter_terms(measured)))

    def check_voxel(self, voxel: Voxel) -> None:
        """Raise ValueError where the image's voxels are not those of the calibration."""
        far = np.abs(np.array(voxel) / np.array(self.voxel) - 1.0) > SPACING_TOLERANCE
        if far.any():
            have, want = (" x ".join(f"{side:.3f}" for side in sides) for sides in (voxel, self.voxel))
            raise ValueError(
                f"MR voxels of {have} mm (k, j, i), but the calibration holds for {want} mm: fit one for this"
                " protocol with `ctsma-train calibrate-morphometry`"
            )


def attenuation_terms(measured: Autocorrelation) -> F64:
    """(9,): 1, s = log of the squared coefficient of variation, s^2, correlations within, across slices."""
    spread = np.log(measured.variance / measured.mean**2)
    return np.array([1.0, spread, spread * spread, *_correlations(measured)])


def parameter_terms(measured: Autocorrelation) -> F64:
    """(12,): 1, b = log(1 - mean), v = log(variance), the correlations, b^2, v^2, bv."""
    b = np.log(max(1.0 - measured.mean, _LEAST_SHARE))
    v = np.log(measured.variance)
    return np.array([1.0, b, v, *_correlations(measured), b * b, v * v, b * v])


def _correlations(measured: Autocorrelation) -> list[float]:
    """Held to -1..1: where there is no texture, the ratio of two noises is anything."""
    return [float(c) for c in np.clip([*measured.within, measured.across], -1.0, 1.0)]


def fit_attenuation(measured: list[Autocorrelation], truth: F64) -> tuple[float, ...]:
    """Least squares of SHADOW * -log(1 - BV/TV) over patches with known BV/TV; `truth` (n, 4)."""
    terms = np.stack([attenuation_terms(one) for one in measured])
    wanted = -SHADOW * np.log(1.0 - truth[:, 0])
    return tuple(float(c) for c in np.linalg.lstsq(terms, wanted, rcond=None)[0])


def fit_parameters(measured: list[Autocorrelation], truth: F64) -> tuple[tuple[float, ...], ...]:
    """Least squares of the logarithms of `truth` (n, 4); `measured` in units of marrow."""
    terms = np.stack([parameter_terms(one) for one in measured])
    coefficients = np.linalg.lstsq(terms, np.log(truth), rcond=None)[0].T
    return tuple(tuple(float(c) for c in row) for row in coefficients)


def write_calibration(calibration: Calibration, path: Path) -> None:
    """As JSON, with the lags that its terms were taken at."""
    path.write_text(json.dumps({"lags_mm": LAGS_MM, **asdict(calibration)}, indent=1) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Raises ValueError where the file was made with other terms than these."""
    content = json.loads(path.read_text())
    if tuple(content.pop("lags_mm", ())) != LAGS_MM:
        raise ValueError(f"{path.name}: fitted at other lags than {LAGS_MM} mm; fit it anew")
    k, j, i = content["voxel"]
    return Calibration(
        attenuation=tuple(content["attenuation"]),
        parameters=tuple(tuple(row) for row in content["parameters"]),
        voxel=(k, j, i),
        provenance=content["provenance"],
    )


@cache
def shipped() -> Calibration:
    """The calibration that ships, fitted on phantoms."""
    return read_calibration(SHIPPED)
