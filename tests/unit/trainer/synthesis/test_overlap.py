from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import Knee, ct_of, moved, mr_of
from tests.unit.trainer.synthesis.perfect import Bones, Perfect, warped
from trainer.registration.quality import Limits
from trainer.synthesis import overlap
from trainer.synthesis.overlap import mask_overlap


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sCT's bones are the true ones, wherever the MR was laid."""
    knee = ct_of(Knee(1))
    laid: list[np.ndarray] = []

    class Laid(Perfect):
        def volume(self, mr, ct_to_mr, centre):  # type: ignore[no-untyped-def]
            laid.append(ct_to_mr)
            return super().volume(mr, ct_to_mr, centre)

    monkeypatch.setattr(overlap, "_loaded", lambda *_: (Laid(), Bones()))
    monkeypatch.setattr(
        "trainer.synthesis.refined.bones.segment", lambda *_: warped(knee.labels, knee.affine, laid[-1])
    )


@pytest.mark.usefixtures("scanned")
def test_masks_agree_at_the_right_pose_and_not_beside_it() -> None:
    knee, mr = ct_of(Knee(1)), mr_of(Knee(1))
    right = {bone: moved(bone) for bone in Bone}
    found = mask_overlap(Path(), None, knee, mr, right)
    assert min(found.values()) > 0.9
    wrong = {bone: transform.copy() for bone, transform in right.items()}
    wrong[Bone.FEMUR][:3, 3] += [50.0, 0.0, 0.0]
    beside = mask_overlap(Path(), None, knee, mr, wrong)
    assert beside[Bone.FEMUR] < Limits().overlap < beside[Bone.TIBIA]
