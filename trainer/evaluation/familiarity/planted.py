"""What a node must not measure without a word: scans of sound knees spoiled in one way each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.volume import CTVolume
from trainer.evaluation.familiarity.scans import Scan, scanned
from trainer.phantom.acquisition import PRESETS
from trainer.phantom.ct import render_ct
from trainer.phantom.faults import arthrography, fracture, growth_plates
from trainer.phantom.metal import add_metal
from trainer.phantom.other import draw_other

F32 = npt.NDArray[np.float32]
Spoil = Callable[[Scan, np.random.Generator], CTVolume]

GOOD = "good"
_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
_HEADROOM = 1024.0


def _good(scan: Scan, rng: np.random.Generator) -> CTVolume:
    return scanned(scan, scan.hu)


def _noisy(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """220 to 400 HU of noise in a 1 mm pixel of a 1 mm slice; training ends at 100."""
    return scanned(scan, scan.hu, rng.uniform(220.0, 400.0) / scan.acquisition.noise_hu)


def _soft(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """A kernel of 3 to 4.5 mm; training ends at 1.4."""
    width = rng.uniform(3.0, 4.5)
    return _blurred(scanned(scan, scan.hu), (width, width, 0.0))


def _sharp(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """An edge-enhancing kernel: what a blur of 1.5 mm would take away is added two to three times."""
    sound = scanned(scan, scan.hu)
    lost = sound.hu - _blurred(sound, (1.5, 1.5, 0.0)).hu
    return CTVolume(sound.hu + np.float32(rng.uniform(2.0, 3.0)) * lost, scan.affine)


def _thick(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """Slices of 5 to 7 mm, interpolated to thin ones before they were sent: no header tells."""
    return _blurred(scanned(scan, scan.hu), (0.0, 0.0, rng.uniform(5.0, 7.0)))


def _moved(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """The leg moved by 3 to 5 mm while it was scanned."""
    move = rng.standard_normal(3)
    step = rng.uniform(3.0, 5.0) * move / np.linalg.norm(move)
    index = (np.linalg.inv(scan.affine)[:3, :3] @ step)[::-1]
    return scanned(scan, 0.5 * (scan.hu + ndimage.shift(scan.hu, index, order=1, mode="nearest")))


def _metal(scan: Scan, rng: np.random.Generator) -> CTVolume:
    hu = scan.hu.copy()
    add_metal(hu, scan.affine, scan.scene.knees)
    return scanned(scan, hu)


def _fracture(scan: Scan, rng: np.random.Generator) -> CTVolume:
    return scanned(scan, fracture(scan.hu, scan.affine, scan.scene.knees[0], rng))


def _child(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """Open growth plates in a knee of 75 to 95 % of its size."""
    sound = scanned(scan, growth_plates(scan.hu, scan.affine, scan.scene.knees[0], rng))
    smaller = np.diag([*np.full(3, rng.uniform(0.75, 0.95)), 1.0])
    return CTVolume(sound.hu, smaller @ scan.affine)


def _contrast(scan: Scan, rng: np.random.Generator) -> CTVolume:
    return scanned(scan, arthrography(scan.hu, scan.affine, scan.scene.knees[0]))


def _wrong_slope(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """Rescaled by another slope about air: densities 0.5 to 0.7 or 1.4 to 1.8 times the true ones."""
    slope = rng.uniform(0.5, 0.7) if rng.random() < 0.5 else rng.uniform(1.4, 1.8)
    sound = scanned(scan, scan.hu)
    return CTVolume((sound.hu + _HEADROOM) * np.float32(slope) - _HEADROOM, scan.affine)


def _wrong_intercept(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """Values 200 to 400 HU too high or too low, or stored ones without their intercept."""
    shift = float(rng.choice([-1.0, 1.0])) * rng.uniform(200.0, 400.0) if rng.random() < 0.7 else _HEADROOM
    return CTVolume(scanned(scan, scan.hu).hu + np.float32(shift), scan.affine)


def _other(scan: Scan, rng: np.random.Generator) -> CTVolume:
    """Another part of the body, by a small field of view."""
    seed = int(rng.integers(2**31))
    return render_ct(draw_other(seed), replace(PRESETS["small"], noise_seed=seed))


KINDS: dict[str, Spoil] = {
    GOOD: _good,
    "very noisy": _noisy,
    "very soft kernel": _soft,
    "edge-enhancing kernel": _sharp,
    "thick slices, interpolated": _thick,
    "motion": _moved,
    "metal": _metal,
    "fracture": _fracture,
    "child": _child,
    "contrast in the joint": _contrast,
    "wrong slope": _wrong_slope,
    "wrong intercept": _wrong_intercept,
    "other anatomy": _other,
}
"""What a scan is made into, by name; the first is left as it is."""


def planted(scan: Scan, kind: str) -> CTVolume:
    """The series of one kind; what is drawn follows from the scan's seed and the kind."""
    rng = np.random.default_rng([scan.scene.seed, 91, list(KINDS).index(kind)])
    return KINDS[kind](scan, rng)


def _blurred(volume: CTVolume, fwhm: tuple[float, float, float]) -> CTVolume:
    """A volume blurred by `fwhm` mm along its i, j and k, its noise with it."""
    sigma = np.array(fwhm) / _FWHM / volume.spacing
    return CTVolume(ndimage.gaussian_filter(volume.hu, sigma[::-1], truncate=3.0), volume.affine)
