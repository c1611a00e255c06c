"""The finder's look at a whole field of view: bones on cubic voxels along the patient's axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from ctsma_node.analysis.batches import in_batches
from ctsma_node.analysis.grid import AIR, axis_aligned_affine, resample
from ctsma_node.analysis.networks import KneeFinder
from ctsma_node.volume import Array, CTVolume, apply

FEMUR, TIBIA, PATELLA, FIBULA = 1, 2, 3, 4
PATELLA_REACH = 80.0
"""mm from the middle of a joint within which its patella lies."""

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coarse:
    """The finder's labels [z, y, x] on its own grid, cubic voxels of `step` mm along L, P, S.

    `certainty` is the log of the probability of each voxel's label.
    """

    labels: Labels
    certainty: npt.NDArray[np.float32]
    affine: Array
    step: float

    def pieces(self, label: int, least: float) -> list[Mask]:
        """Connected pieces of one bone, of at least so many mm3."""
        pieces, n = ndimage.label(self.labels == label, structure=np.ones((3, 3, 3)))
        found = [pieces == p for p in range(1, n + 1)]
        return [piece for piece in found if self.volume(piece) >= least]

    def volume(self, mask: Mask) -> float:
        """mm3 of the voxels of a mask."""
        return float(mask.sum()) * self.step**3

    def points(self, label: int, centre: tuple[float, float, float], reach: float) -> Array:
        """LPS mm (n, 3) of the voxels with a label, up to `reach` mm from a place."""
        places = apply(self.affine, np.argwhere(self.labels == label)[:, ::-1].astype(np.float64))
        return np.asarray(places[np.linalg.norm(places - np.asarray(centre), axis=1) <= reach])

    def certainty_near(self, centre: tuple[float, float, float], reach: float) -> float:
        """Mean certainty of the bone in a cube of half the width `reach` about a place; -inf without any."""
        found = np.argwhere(self.labels > 0)
        places = apply(self.affine, found[:, ::-1].astype(np.float64))
        near = found[np.abs(places - np.asarray(centre)).max(axis=1, initial=0.0) <= reach]
        return float(self.certainty[tuple(near.T)].mean()) if len(near) else -np.inf


def label_coarse(volume: CTVolume, finder: KneeFinder, step: float, device: torch.device) -> Coarse:
    """Run the finder on the whole field of view."""
    affine, size = axis_aligned_affine(volume, step)
    hu, _ = resample(volume, affine, size)
    pad = [(0, -n % 16) for n in hu.shape]
    x = torch.from_numpy(np.pad(hu, pad, constant_values=AIR))[None, None]
    (logits,) = in_batches(finder, (x,), 1, device)
    k, j, i = hu.shape
    highest, found = logits[0, :, :k, :j, :i].log_softmax(dim=0).max(dim=0)
    return Coarse(found.to(torch.uint8).cpu().numpy(), highest.cpu().numpy(), affine, step)
