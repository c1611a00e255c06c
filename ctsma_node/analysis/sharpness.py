"""How sharp the image of the bones is: kernels, slices and motion that the student has not seen.

No header tells that thick slices were interpolated to thin ones, what a kernel's name means, or that the leg
moved. The image's own power spectrum does: blur takes power at fine detail away along the directions that it
runs in, an edge-enhancing kernel or noise adds to it, and what is there twice, some millimetres apart, leaves
a wave in the spectrum (an echo in its inverse transform). All is read around the femur and the tibia on the
analysis grid, so that the scanner's own grid has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage

from ctsma_node.analysis.coarse import FEMUR, TIBIA
from ctsma_node.analysis.grid import SIZE, SPACING
from ctsma_node.analysis.result import Mark
from ctsma_node.volume import Array

_HU = (-300.0, 1200.0)
"""What is looked at; air and metal would outshine every edge of bone."""
_NEAR, _INSIDE, _TAPER = 9, 13, 2.5
"""Voxels: around bone, away from where the scan ends, and of the Gaussian that tapers the region."""
_BANDS = ((0.06, 0.10), (0.14, 0.18), (0.22, 0.26))
"""Cycles per mm: what every scan shows, middle, and fine detail of 4 mm period."""
_CONE = 0.9
"""Least cosine between a frequency and the axis that it counts for."""
_WIDE = np.array([3.6, 6.0, 6.0])
"""Frequency bins over which the spectrum is smoothed to see waves in it."""
_ECHO_BAND = (0.04, 0.33)
_ECHO_MM = (2.4, 6.5)
_BLURRED, _BESIDE = -6.0, 1.6
"""Along an axis with so little fine detail, echoes within so many mm of it are of the slices themselves."""

_FINE_ONE, _FINE_TWO = -8.5, -6.4
"""Log power of fine detail along the least sharp axis, and along the second. Of 54 sound drawn scans
(slices to 3 mm, kernels to 1.4 mm) the least had -7.8 and -5.7; slices of 5 to 7 mm have below -8.9,
kernels of 3 to 4.5 mm below -7."""
_STEEP = -4.76
"""Twice the log power of fine detail less that of the middle, along the sharpest axis: the most of 54
was -4.77, the next -5.0; edge-enhancing kernels leave -4.7 to -3.9 (one of 14 -5.3), noise of 220 HU and
more as much."""
_ECHO = 0.14
"""Of the spectrum's mean: the most of 54 was 0.113; a leg that moved by 3 to 5 mm leaves 0.16 to 0.34."""

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sharpness:
    """`middle` and `fine` (3,): log power of both bands over the lowest, along k, j, i; `echo` a share."""

    middle: Array
    fine: Array
    echo: float


def sharpness(hu: Volume, labels: npt.NDArray[np.uint8], covered: npt.NDArray[np.bool_]) -> Sharpness | None:
    """Of a knee's bones on the analysis grid, arrays [k, j, i]; None where hardly any bone is covered."""
    region = _region(labels, covered)
    if region.sum() < 0.01 * region.size:
        return None
    values = np.clip(hu, *_HU)
    values -= np.float32(np.average(values, weights=region))
    transform = scipy.fft.rfftn(values * region)
    power = transform.real**2 + transform.imag**2
    low, middle, fine = (np.array([np.log(power[at].mean()) for at in axes]) for axes in _masks())
    return Sharpness(middle - low, fine - low, _echo(power, fine - low < _BLURRED))


def sharpness_marks(found: Sharpness | None) -> tuple[Mark, ...]:
    """Marks a knee that is less sharp, sharper or more doubled than those of the training."""
    if found is None:
        return ()
    least, second, _ = np.sort(found.fine)
    # What is blurred has waves in its spectrum without a second contour.
    if second < _FINE_TWO:
        return (Mark("soft_kernel", "the image is blurred, as by a soft kernel: trabeculae are lost in it"),)
    if least < _FINE_ONE:
        text = "the image is blurred along one direction, as by slices of more than 4 mm"
        return (Mark("thick_slices", text),)
    marks = []
    if float((2.0 * found.fine - found.middle).max()) > _STEEP:
        text = "more fine detail or noise than in the training, as from an edge-enhancing kernel"
        marks.append(Mark("sharp_or_noisy", text))
    if found.echo > _ECHO:
        marks.append(Mark("double_contours", "edges are there twice, as where the leg moved in the scan"))
    return tuple(marks)


def _region(labels: npt.NDArray[np.uint8], covered: npt.NDArray[np.bool_]) -> Volume:
    """1 around femur and tibia, 0 far from them and where the scan or the grid ends, smooth between."""
    bone = ((labels == FEMUR) | (labels == TIBIA)).astype(np.float32)
    scanned = ndimage.uniform_filter(covered.astype(np.float32), _INSIDE, mode="constant")
    around = (ndimage.uniform_filter(bone, _NEAR) > 1e-3) & (scanned > 0.999)
    return np.asarray(ndimage.gaussian_filter(around.astype(np.float32), _TAPER))


def _echo(power: Volume, blurred: npt.NDArray[np.bool_]) -> float:
    """Largest wave in the spectrum, as a share of its mean; `blurred` (3,) axes have echoes of their own."""
    smooth = ndimage.gaussian_filter(power, _WIDE, mode=("wrap", "wrap", "reflect"))
    within, lags, distance = _echo_masks()
    waves = scipy.fft.irfftn(np.where(within, power / (smooth + 1e-12), 0.0), SIZE[::-1])
    asked = distance.copy()
    for axis in np.flatnonzero(blurred):
        across = sum(lag**2 for n, lag in enumerate(lags) if n != axis)
        asked &= across > _BESIDE**2
    return float(waves[asked].max() / waves[0, 0, 0])


@lru_cache(maxsize=1)
def _masks() -> tuple[tuple[npt.NDArray[np.bool_], ...], ...]:
    """For each band, the frequencies about each axis."""
    axes, length = _frequencies()
    cones = [np.abs(f) > _CONE * length for f in axes]
    return tuple(tuple(cone & (length >= a) & (length < b) for cone in cones) for a, b in _BANDS)


@lru_cache(maxsize=1)
def _echo_masks() -> tuple[npt.NDArray[np.bool_], list[Array], npt.NDArray[np.bool_]]:
    """Frequencies that are asked, lags along each axis (mm, open grid), and lags that may be echoes."""
    _, length = _frequencies()
    steps = [np.fft.fftfreq(n) * n * s for n, s in zip(SIZE[::-1], SPACING[::-1], strict=True)]
    lags = list(np.meshgrid(*steps, indexing="ij", sparse=True))
    far = np.sqrt(sum(lag**2 for lag in lags))
    low, high = _ECHO_BAND
    return (length > low) & (length < high), lags, (far > _ECHO_MM[0]) & (far < _ECHO_MM[1])


def _frequencies() -> tuple[list[Array], Array]:
    """Cycles per mm along k, j, i of `rfftn`'s bins, as an open grid, and their length."""
    (k, j, i), (sk, sj, si) = SIZE[::-1], SPACING[::-1]
    one = [np.fft.fftfreq(k, sk), np.fft.fftfreq(j, sj), np.fft.rfftfreq(i, si)]
    axes = list(np.meshgrid(*one, indexing="ij", sparse=True))
    return axes, np.sqrt(sum(f**2 for f in axes))
