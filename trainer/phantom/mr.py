"""The MR forward model: a balanced gradient echo (BFFE) of a knee, marrow bright and bone dark.

Trabeculae are far thinner than a slice: what is seen is how much marrow a voxel holds. The field that bone
disturbs dephases the marrow beside it, so that bone takes more signal than its volume (Contrast.dephasing;
Majumdar et al. 1991 and later work on trabecular thickening in gradient echoes). After that: the slice
profile, the coils' sensitivity, complex noise, the limits of k-space, and the magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.fft

from trainer.mr import MRVolume
from trainer.phantom.knee import Knee
from trainer.phantom.leg import TISSUES
from trainer.phantom.mr_acquisition import MRAcquisition
from trainer.phantom.scene import Scene
from trainer.phantom.slabs import FWHM, Sampling, sample, taps
from trainer.phantom.solid import Layers
from trainer.phantom.spots import Contrast

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

MARROW, BONE, CARTILAGE, FLUID = 1000.0, 40.0, 620.0, 1300.0
"""Signals at unit gain; fatty marrow is the reference."""
SIGNAL: dict[str, float] = {
    "skin": 420.0,
    "fat": 950.0,
    "muscle": 300.0,
    "capsule": 430.0,
    "fluid": FLUID,
    "fat pad": 900.0,
    "meniscus": 110.0,
    "tendon": 70.0,
    "vessel": 700.0,
}
SUBSLICES = 2
"""Cells to a slice: dephasing acts within a cell and not across the slice."""
SAMPLE = 0.4
"""Largest distance of the samples of the trabecular field within a cell, mm: two along the slice."""
STORED = 4095.0
"""Largest stored value: 12 bits."""


@dataclass(frozen=True, eq=False)
class _Magnet:
    """The scene as the magnet sees it: no couch, every tissue with its signal."""

    knees: tuple[Knee, ...]
    layers: tuple[Layers, ...]


def render_mr(scene: Scene, acquisition: MRAcquisition) -> MRVolume:
    """The series that `acquisition` makes of a scene: whole numbers, 0 to 4095."""
    signal = sample(_in_magnet(scene), acquisition.affine, acquisition.size, _sampling(acquisition))
    rng = np.random.default_rng((acquisition.noise_seed, 5))
    field = _Sensitivity.drawn(rng, acquisition)
    window = _window(acquisition)
    # The window takes part of the noise with it: what is left shall be what `snr` says.
    sigma = np.float32(MARROW / acquisition.snr / np.sqrt(np.mean(window**2)))
    for k in range(acquisition.slices):
        received = signal[k] * field.on_slice(k)
        noise = sigma * rng.standard_normal((2, *received.shape), dtype=np.float32)
        spectrum = scipy.fft.fft2(received + noise[0] + 1j * noise[1], workers=1) * window
        signal[k] = np.abs(scipy.fft.ifft2(spectrum, workers=1))
    signal *= np.float32(acquisition.gain)
    np.rint(signal, out=signal)
    np.clip(signal, 0.0, STORED, out=signal)
    return MRVolume(signal, acquisition.affine)


def _in_magnet(scene: Scene) -> _Magnet:
    worth = np.array([SIGNAL[tissue] for tissue in TISSUES])
    return _Magnet(scene.knees, tuple(replace(layers, hu=worth) for layers in scene.layers[1:]))


def _sampling(acquisition: MRAcquisition) -> Sampling:
    profile = taps((acquisition.slice_thickness / FWHM) ** 2, acquisition.slice_thickness / SUBSLICES)
    one = np.ones(1)
    contrast = Contrast(BONE, MARROW, CARTILAGE, FLUID, acquisition.dephasing)
    return Sampling(np.array([1, 1, SUBSLICES]), [one, one, profile], SAMPLE, 0.0, lambda _: contrast)


def _window(acquisition: MRAcquisition) -> F32:
    """The measured part of k-space (Fermi edges), as fft2 orders it: (rows, columns)."""

    def edge(n: int) -> F64:
        share = np.abs(scipy.fft.fftfreq(n)) * 2.0  # of the Nyquist frequency
        return np.asarray(1.0 / (1.0 + np.exp((share - acquisition.acquired) / 0.04)))

    return np.asarray(np.outer(edge(acquisition.rows), edge(acquisition.columns)), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Sensitivity:
    """exp of a quadratic in the field's coordinates (-1 to 1 along i, j, k), mean 0 and the wanted SD."""

    columns: F64  # terms 1, i, i^2
    rows: F64
    slices: F64
    acquisition: MRAcquisition
    scale: float
    middle: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, acquisition: MRAcquisition) -> _Sensitivity:
        """One coil's field."""
        columns, rows, slices = rng.normal(0.0, 1.0, (3, 2))
        raw = cls(columns, rows, slices, acquisition, 1.0, 0.0)
        grid = np.stack([raw._log(k) for k in np.linspace(0, acquisition.slices - 1, 8)])
        return cls(
            columns, rows, slices, acquisition, acquisition.bias / float(grid.std()), float(grid.mean())
        )

    def _log(self, k: float) -> F64:
        def along(terms: F64, n: int) -> F64:
            x = np.linspace(-1.0, 1.0, n)
            return np.asarray(terms[0] * x + terms[1] * x * x)

        z = 2.0 * k / max(self.acquisition.slices - 1, 1) - 1.0
        own = self.slices[0] * z + self.slices[1] * z * z
        rows, columns = self.acquisition.rows, self.acquisition.columns
        return np.asarray(along(self.rows, rows)[:, None] + along(self.columns, columns)[None] + own)

    def on_slice(self, k: int) -> F32:
        """Sensitivity over a slice: (rows, columns)."""
        return np.asarray(np.exp(self.scale * (self._log(k) - self.middle)), dtype=np.float32)
