from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctsma_node.errors import SettingsError
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation.cohort_patches import batch_of, chosen, read_cohort_patches


def test_what_was_not_measured_or_is_hardly_bone_does_not_count(tmp_path: Path) -> None:
    patches = read_cohort_patches(write_cohort(tmp_path))
    assert len(patches) == 6 * 22
    assert patches.pairs == tuple(f"P{n:04d}-R" for n in range(6))
    assert torch.isfinite(patches.label).all()
    assert patches.row[:3].tolist() == [2, 3, 4]
    # Marrow is 1: what is darker holds bone.
    density = patches.label[:, 0]
    np.testing.assert_allclose(patches.mr.float().mean(dim=(1, 2, 3)), 0.9 * (1.0 - density), atol=0.01)


def test_few_pairs_of_the_training_folds_are_drawn_by_the_seed(tmp_path: Path) -> None:
    patches = read_cohort_patches(write_cohort(tmp_path), with_mr=False)
    rows = chosen(patches, (0, 1), few=2, seed=3)
    assert torch.equal(rows, chosen(patches, (0, 1), few=2, seed=3))
    assert len(patches.pair[rows].unique()) == 2
    assert set(patches.fold[rows].tolist()) <= {0, 1}
    assert len({tuple(patches.pair[chosen(patches, (0, 1), 2, s)].unique().tolist()) for s in range(9)}) > 1


def test_ct_and_mr_are_flipped_alike(tmp_path: Path) -> None:
    patches = read_cohort_patches(write_cohort(tmp_path))
    batch = batch_of(patches, torch.arange(4))
    turned = batch.flipped([0, 2])
    torch.testing.assert_close(turned.ct, batch.ct.flip(1, 3))
    torch.testing.assert_close(turned.mr, batch.mr.flip(1, 3))
    torch.testing.assert_close(turned.context, batch.context)
    torch.testing.assert_close(turned.flipped([0, 2]).mr_mask, batch.mr_mask)


def test_a_folder_without_patches_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ctsma-train patches"):
        read_cohort_patches(tmp_path / "none")


def test_students_are_trained_on_drawn_protocols_and_judged_by_others(tmp_path: Path) -> None:
    patches = read_cohort_patches(write_cohort(tmp_path), with_mr=False)
    assert (patches.judged_by, patches.augmented_by) == (range(2), range(2)), "none was drawn"
    both = replace(patches, others=patches.others[:, [0, 1] * 6])
    assert (both.judged_by, both.augmented_by) == (range(8), range(8, 12))
