from __future__ import annotations

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from tests.unit.trainer.registration.knees import landmarks, moved
from trainer.mr import MRVolume
from trainer.registration.ants_rigid import ants_rigid
from trainer.registration.knee import CTKnee
from trainer.registration.moving import averaged
from trainer.registration.rigid import distances


def coarser(knee: CTKnee, step: int = 2) -> CTKnee:
    affine = knee.affine @ np.diag([step, step, step, 1.0])
    cut = (slice(None, None, step),) * 3
    return CTKnee(knee.side, knee.hu[cut].copy(), knee.labels[cut].copy(), affine)


def errors(found: Array) -> list[float]:
    return [float(distances(found, moved(bone), landmarks(bone)).mean()) for bone in Bone]


def test_one_motion_for_two_bones_is_millimetres_off(knee: CTKnee, mr: MRVolume) -> None:
    """In frames that differ by an oblique turn: a wrong axis or origin would be centimetres off."""
    start = moved(Bone.FEMUR)
    found = ants_rigid(coarser(knee), averaged(mr, 2.0), start)
    np.testing.assert_array_equal(ants_rigid(coarser(knee), averaged(mr, 2.0), start), found)
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-5)
    assert min(errors(found)) < 4.0
    assert max(errors(found)) < 14.0
