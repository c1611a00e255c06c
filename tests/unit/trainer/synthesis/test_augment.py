"""Both images of a pair are moved alike, and stay what they are."""

from __future__ import annotations

import numpy as np
import torch

from tests.unit.trainer.synthesis.scenes import pair
from trainer.synthesis.augment import Motion, apply_motion, draw_motion
from trainer.synthesis.batches import Batches


def test_mr_and_ct_of_a_batch_are_moved_alike() -> None:
    """With the CT for an MR, both sides of the batch are the same."""
    one = pair()
    same = type(one)(one.pair_id, one.fold, one.ct, one.ct, one.labels, one.affine)
    mr, ct = Batches([same], batch=6, seed=1).draw(0)
    assert torch.equal(mr, ct)
    assert not torch.equal(mr[0], mr[1])


def test_the_bones_of_a_moved_pair_still_coincide() -> None:
    mr, ct = Batches([pair()], batch=8, seed=2).draw(3)
    bone, soft = (ct > 0.2), (ct < -0.4) & (ct > -0.8)
    assert float(mr[bone].mean()) < 0.25
    assert float(mr[soft].mean()) > 0.4


def test_a_draw_follows_from_seed_step_and_process_alone() -> None:
    batches = Batches([pair(n) for n in range(3)], batch=4, seed=1)
    again = Batches([pair(n) for n in range(3)], batch=4, seed=1)
    batches.draw(0)
    assert torch.equal(batches.draw(5)[0], again.draw(5)[0])
    assert not torch.equal(batches.draw(5)[0], batches.draw(6)[0])
    assert not torch.equal(batches.draw(5)[0], batches.draw(5, rank=1)[0])


def test_nothing_comes_into_sight_and_the_magnification_is_within_bounds() -> None:
    full = torch.ones(64, 3, 32, 32)
    moved = apply_motion(full, draw_motion(64, np.random.default_rng(0)))
    assert float(moved.min()) == -1.0
    assert float(moved.max()) == 1.0
    motion = draw_motion(500, np.random.default_rng(1))
    scale = torch.linalg.det(motion.plane[:, :, :2].double()).abs().sqrt()
    assert 0.9 < float(1.0 / scale.max()) < 0.92
    assert 1.08 < float(1.0 / scale.min()) < 1.1
    turns = torch.linalg.det(motion.plane[:, :, :2].double()) > 0
    assert 0.4 < float(turns.float().mean()) < 0.6  # one flip in half of them


def test_no_motion_changes_nothing_and_a_reversed_stack_changes_only_the_order() -> None:
    stack = torch.rand(1, 3, 16, 16)
    plane = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    kept = apply_motion(stack, Motion(plane, torch.tensor([False])))
    turned = apply_motion(stack, Motion(plane, torch.tensor([True])))
    assert torch.allclose(kept, stack, atol=1e-6)
    assert torch.equal(turned, kept.flip(1))
