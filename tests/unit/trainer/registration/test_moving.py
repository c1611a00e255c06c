from __future__ import annotations

import numpy as np

from ctsma_node.volume import apply
from trainer.mr import MRVolume
from trainer.registration.moving import LEVELS, averaged, levels


def oblique() -> MRVolume:
    """A signal that rises along a direction of the patient, on a turned, anisotropic, reversed grid."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.1, 0.2, -1.4], [0.28, -0.02, 0.2], [0.03, -0.24, -0.5]])
    affine[:3, 3] = [10.0, -20.0, 30.0]
    k, j, i = np.indices((22, 61, 47))
    lps = apply(affine, np.stack([i, j, k], axis=-1))
    return MRVolume((500.0 + lps @ [2.0, -3.0, 1.0]).astype(np.float32), affine)


def test_blocks_lie_where_their_voxels_lay() -> None:
    mr = averaged(oblique(), 0.9)
    k, j, i = np.indices(mr.signal.shape)
    lps = mr.to_lps(np.stack([i, j, k], axis=-1))
    np.testing.assert_allclose(mr.signal, 500.0 + lps @ [2.0, -3.0, 1.0], atol=1e-2)


def test_levels_have_their_bins() -> None:
    for level, (_, fixed, moving) in zip(levels(oblique()), LEVELS, strict=True):
        assert level.shape == (fixed, moving)
        assert (level.bins.min(), level.bins.max()) == (0.0, moving - 1)
