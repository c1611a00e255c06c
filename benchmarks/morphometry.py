"""Morphometry: errors on solids known on paper, beside other implementations, and the speed of the labels.

localthickness (GPL-3) and porespy (MIT) are compared where they are installed; the project needs neither.
Both take cubic voxels only and correct nothing for the surface.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.morphometry.analytic import METHODS, PIXELS, VOXELS, Case, cases
from trainer.morphometry.autocorrelation import autocorrelation
from trainer.morphometry.direct import direct
from trainer.morphometry.distance import Mask, Voxel
from trainer.morphometry.fabric import degree_of_anisotropy
from trainer.morphometry.noise import Noise
from trainer.morphometry.parameters import Method, TrabecularParameters
from trainer.morphometry.plate import plate
from trainer.morphometry.skeleton import skeleton
from trainer.morphometry.solids import SOLIDS
from trainer.morphometry.topology import connectivity_density

RUNS = 7
ANGLES = 3
MR_VOXEL: Voxel = (1.5, 0.234375, 0.234375)


def main() -> None:
    """Print the error table and the speeds."""
    _errors()
    _speeds()


def _errors() -> None:
    methods = {name: METHODS[name] for name in ("direct", "direct, voxel centres only", "plate", "skeleton")}
    found = list(cases(methods, PIXELS, ANGLES))
    peers = {name: _peer(name) for name in ("localthickness", "porespy")}
    for name, peer in peers.items():
        if peer is None:
            print(f"{name}: not installed, skipped")
        else:
            cubic = cases({name: peer}, PIXELS, ANGLES)
            found += [case for case in cubic if case.voxel == "1:1:1"]
    for title, field in (("Tb.Th", "thickness"), ("Tb.Sp", "separation")):
        print(f"\n{title}, mean error in percent over {ANGLES} angles, by thickness in pixels")
        print(f"{'solid':12s} {'voxel':8s} {'method':28s}" + "".join(f"{p:8d}" for p in PIXELS))
        for solid in SOLIDS:
            for voxel in VOXELS:
                for method in (*methods, *peers):
                    _row(
                        [c for c in found if (c.solid, c.voxel, c.method) == (solid.name, voxel, method)],
                        field,
                    )


def _row(row: list[Case], field: str) -> None:
    values = [getattr(case, field) for case in row]
    if any(value is not None for value in values):
        cells = "".join(" " * 8 if value is None else f"{value:+8.1f}" for value in values)
        print(f"{row[0].solid:12s} {row[0].voxel:8s} {row[0].method:28s}{cells}")


def _peer(name: str) -> Callable[[Mask, Voxel, Mask], TrabecularParameters] | None:
    """Another implementation in the form of METHODS; None where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return None
    package = importlib.import_module(name)

    def local(phase: Mask) -> Any:
        if name == "localthickness":
            return package.local_thickness(phase.astype(np.uint8))
        found = package.filters.local_thickness(phase)
        return getattr(found, "im", found)

    def measure(bone: Mask, voxel: Voxel, region: Mask) -> TrabecularParameters:
        thickness, separation = (
            2.0 * voxel[2] * float(local(phase)[phase & region].mean()) for phase in (bone, ~bone)
        )
        share = float(bone[region].mean())
        return TrabecularParameters(
            Method.DIRECT, False, share, thickness, separation, 1.0 / (thickness + separation)
        )

    return measure


def _speeds() -> None:
    rng = np.random.default_rng(0)
    for shape in ((8, 51, 51), (16, 48, 48)):
        print(f"\n{'patch of ' + ' x '.join(map(str, shape)):34s} {'min':>8s} {'median':>8s} {'max':>8s}  ms")
        for name, step in _steps(_texture(rng, shape)).items():
            _timed(name, step)


def _steps(signal: npt.NDArray[np.float32]) -> dict[str, Callable[[], object]]:
    """What is timed on one patch."""
    bone, region = np.asarray(signal < 0.7), np.ones(signal.shape, dtype=np.bool_)
    flat: Voxel = (float("inf"), *MR_VOXEL[1:])
    return {
        "autocorrelation (the labels)": lambda: autocorrelation(signal, region, MR_VOXEL, Noise(0.07)),
        "direct, 3D": lambda: direct(bone, MR_VOXEL, halves=False),
        "direct, 3D, half-way centres": lambda: direct(bone, MR_VOXEL),
        "direct, slices": lambda: direct(bone, flat, halves=False),
        "plate, 13 directions": lambda: plate(bone, MR_VOXEL),
        "plate, slices": lambda: plate(bone, flat),
        "skeleton": lambda: skeleton(bone, MR_VOXEL),
        "degree of anisotropy": lambda: degree_of_anisotropy(bone, MR_VOXEL),
        "connectivity density": lambda: connectivity_density(bone, MR_VOXEL),
    }


def _timed(name: str, step: Callable[[], object]) -> None:
    step()  # compiled on its first run
    spent = []
    for _ in range(RUNS):
        start = time.perf_counter()
        step()
        spent.append(1e3 * (time.perf_counter() - start))
    print(f"{name:34s} {min(spent):8.2f} {statistics.median(spent):8.2f} {max(spent):8.2f}")


def _texture(rng: np.random.Generator, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Something like an MR patch in units of marrow."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.normal(size=shape), (0.3, 1.2, 1.2))
    noisy = 0.75 + 0.12 * field / field.std() + rng.normal(0.0, 0.07, shape)
    return np.asarray(noisy, dtype=np.float32)
