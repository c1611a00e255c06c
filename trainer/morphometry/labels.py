"""The labels of MR patches: calibrated BV/TV, Tb.Th, Tb.Sp and Tb.N, and the apparent ones they come from.

The patch is the 12 x 12 x 12 mm neighbourhood of its centre on the MR's own grid: interpolation would blur
the trabeculae and correlate the noise. METHOD was chosen from the table of `ctsma-train
evaluate morphometry`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.morphometry.autocorrelation import Autocorrelation, autocorrelation, plate_of_autocorrelation
from trainer.morphometry.calibration import Calibration, shipped
from trainer.morphometry.distance import Mask
from trainer.morphometry.parameters import Method
from trainer.morphometry.patches import LEAST_COVER, cover, patch_box, voxel_of
from trainer.morphometry.reference import SubjectReference, fit_reference
from trainer.mr import MRVolume

__all__ = [
    "METHOD",
    "NOISIEST",
    "PatchLabels",
    "SubjectReference",
    "fit_reference",
    "label_patches",
    "measure_patches",
]

F64 = npt.NDArray[np.float64]

METHOD = Method.AUTOCORRELATION
NOISIEST = 0.125
"""Noise over marrow (SNR 8): the noisiest of the patches that the shipped calibration was fitted on."""


@dataclass(frozen=True, eq=False)
class PatchLabels:
    """BV/TV 1, Tb.Th mm, Tb.Sp mm, Tb.N 1/mm of n patches, (n, 4) each; rows of NaN where nothing was
    measured.

    `calibrated` estimates the direct 3D parameters; `apparent` (app.BV/TV and so on, plate model) is what the
    image shows. `cover` (n,) is the part of each patch that lies in the region, `noise` (n,) the noise over
    the marrow signal there: beyond NOISIEST the calibration has seen nothing, and Tb.Sp and Tb.N are not to
    be trusted.
    """

    calibrated: F64
    apparent: F64
    cover: F64
    noise: F64


def label_patches(
    mr: MRVolume,
    reference: SubjectReference,
    centres_lps: npt.ArrayLike,
    region: Mask,
    *,
    calibration: Calibration | None = None,
    threads: int = 1,
) -> PatchLabels:
    """Label patches about `centres_lps` (n, 3) mm, measured within `region` [k, j, i], the trabecular mask.

    A patch of which less than LEAST_COVER (three tenths) lies in the region is not measured. The kernels run
    without the interpreter's lock: `threads` share the patches. Raises ValueError where the voxels are not
    those of the calibration.
    """
    law = calibration or shipped()
    law.check_voxel(voxel_of(mr.affine))
    measured, covered = measure_patches(mr, reference, centres_lps, region, threads=threads)
    nothing = np.full(4, np.nan)
    return PatchLabels(
        np.reshape([nothing if m is None else law.estimate(m) for m in measured], (-1, 4)),
        np.reshape(
            [nothing if m is None else plate_of_autocorrelation(m).as_row() for m in measured], (-1, 4)
        ),
        covered,
        reference.noise.level / reference.marrow_at(np.reshape(centres_lps, (-1, 3))),
    )


def measure_patches(
    mr: MRVolume,
    reference: SubjectReference,
    centres_lps: npt.ArrayLike,
    region: Mask,
    *,
    threads: int = 1,
) -> tuple[list[Autocorrelation | None], F64]:
    """Statistics of each patch in units of marrow, None where too little is covered, and the covers (n,)."""
    voxel = voxel_of(mr.affine)
    centres = np.reshape(np.asarray(centres_lps, dtype=np.float64), (-1, 3))

    def measure(centre: F64) -> tuple[Autocorrelation | None, float]:
        box = patch_box(mr.to_index(centre)[::-1], voxel, mr.signal.shape)
        share = 0.0 if box is None else cover(region, box, voxel)
        if box is None or share < LEAST_COVER:
            return None, share
        raw = autocorrelation(mr.signal[box], region[box], voxel, reference.noise)
        return raw.scaled(1.0 / float(reference.marrow_at(centre))), share

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            rows = list(pool.map(measure, centres))
    else:
        rows = [measure(centre) for centre in centres]
    return [row[0] for row in rows], np.array([row[1] for row in rows])
