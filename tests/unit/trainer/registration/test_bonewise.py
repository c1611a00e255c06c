from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import landmarks, moved
from trainer.mr import MRVolume
from trainer.registration.bonewise import KneePose, register
from trainer.registration.knee import CTKnee
from trainer.registration.rigid import distances


@pytest.mark.parametrize("bone", list(Bone))
def test_each_bone_is_found_where_it_lies(pose: KneePose, bone: Bone) -> None:
    found = pose.bones[bone]
    assert distances(found.transform, moved(bone), landmarks(bone)).mean() < 0.15
    assert distances(found.by_information, moved(bone), landmarks(bone)).mean() < 0.8
    assert found.texture > 0.5
    assert found.inside > 0.95


def test_texture_is_nearer_than_edges(pose: KneePose) -> None:
    def error(transform: str) -> float:
        return float(
            np.mean(
                [
                    distances(getattr(pose.bones[bone], transform), moved(bone), landmarks(bone)).mean()
                    for bone in Bone
                ]
            )
        )

    assert error("transform") < error("by_information")


def test_equal_volumes_give_equal_transforms(pose: KneePose, knee: CTKnee, mr: MRVolume) -> None:
    again = register(knee, mr)
    for bone in Bone:
        np.testing.assert_array_equal(again.bones[bone].transform, pose.bones[bone].transform)


def test_the_start_is_near_and_bent(pose: KneePose) -> None:
    assert abs(pose.starts[0].flexion - 22.0) < 12.0
    for bone in Bone:
        assert distances(pose.starts[0].transforms[bone], moved(bone), landmarks(bone)).mean() < 8.0


def test_a_knee_40_mm_off_the_middle_of_the_mr_is_found(knee: CTKnee, mr: MRVolume) -> None:
    """80 mm of air more on one side of each axis: behind, below, and to the right."""
    wider = np.pad(mr.signal, [(0, round(80.0 / step)) for step in mr.spacing[::-1]])
    found = register(knee, MRVolume(wider, mr.affine))
    for bone in Bone:
        assert distances(found.bones[bone].transform, moved(bone), landmarks(bone)).mean() < 0.15
