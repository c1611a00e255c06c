"""Scans of unseen knees without their noise, drawn once: what good and planted scans are made of.

Faults are painted into the image before its noise is added, so that they carry the scan's own noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Side
from ctsma_node.volume import Array, CTVolume
from trainer.phantom.acquisition import CTAcquisition, cropped, draw_acquisition
from trainer.phantom.ct import HIGHEST_HU, LOWEST_HU, render_ct, source_fwhm
from trainer.phantom.noise import add_noise
from trainer.phantom.scene import Scene, draw_scene
from trainer.stage import make_items

F32 = npt.NDArray[np.float32]

_BOX = (54.0, 64.0, 48.0)
"""mm kept on either side of the joint along L, P and S: beyond it nothing is measured."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A drawn knee and its noise-free image: `hu[k, j, i]` HU, `affine` (i, j, k) -> LPS mm."""

    scene: Scene
    acquisition: CTAcquisition
    hu: F32
    affine: Array


def draw_scans(seeds: Sequence[int], folder: Path, jobs: int) -> list[Path]:
    """Noise-free images of the seeds, each kept as `folder`/SEED.npz."""
    return make_items("scans", _image, seeds, folder, jobs)


def read_scan(seed: int, path: Path) -> Scan:
    """A kept image together with the scene that it shows."""
    scene, acquisition = _drawn(seed)
    with np.load(path) as kept:
        return Scan(scene, acquisition, kept["hu"].astype(np.float32), kept["affine"])


def scanned(scan: Scan, hu: F32, noise: float = 1.0) -> CTVolume:
    """The series that a scanner would send: `hu` with `noise` times its dose's noise, rounded, in range."""
    a = scan.acquisition
    out = hu.copy()
    add_noise(out, scan.affine, noise * a.noise_hu, a.kernel_fwhm, max(source_fwhm(a), 0.3), a.noise_seed)
    np.rint(out, out=out)
    np.clip(out, LOWEST_HU, HIGHEST_HU, out=out)
    return CTVolume(out, scan.affine)


def _drawn(seed: int) -> tuple[Scene, CTAcquisition]:
    """One knee, left or right, and any acquisition that shows it."""
    scene = draw_scene(seed, (Side.LEFT if seed % 2 else Side.RIGHT,))
    acquisition = draw_acquisition(seed, scene)
    return scene, cropped(acquisition, scene.knees[0].placement[:3, 3], _BOX)


def _image(seed: int) -> dict[str, Any]:
    scene, acquisition = _drawn(seed)
    volume = render_ct(scene, replace(acquisition, noise_hu=0.0))
    return {"hu": volume.hu.astype(np.int16), "affine": volume.affine}
