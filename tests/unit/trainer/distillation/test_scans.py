"""A student learns from scans without MR too, and is judged by the pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ctsma_node.analysis.features import KNEE_CONTEXT, patch_features
from ctsma_node.analysis.patches import CONTEXT
from ctsma_node.errors import SettingsError
from tests.unit.trainer.distillation.cohorts import write_cohort, write_scans
from trainer.distillation.cohort_patches import CohortPatches, read_cohort_patches
from trainer.distillation.crossval import Role
from trainer.distillation.regression_stage import SCANS, RegressionRequest, run
from trainer.distillation.settings import Form, RegressionSettings
from trainer.evaluation.regression import predictions
from trainer.stage import MANIFEST

TINY = RegressionSettings(
    form=Form.KNEE,
    width=4,
    batch=16,
    steps=40,
    teacher_steps=40,
    rate=1e-2,
    precision="single",
    augment=0.5,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("patches")
    return write_cohort(folder / "pairs"), write_scans(folder / "scans")


def both(folders: tuple[Path, Path]) -> CohortPatches:
    return read_cohort_patches(folders[0], with_mr=False, scans=folders[1])


def test_scans_come_after_the_pairs_and_lie_in_their_folds(folders: tuple[Path, Path]) -> None:
    patches = both(folders)
    assert patches.paired == 6 * 22
    assert len(patches) == (6 + 4) * 22
    assert patches.pairs[6:] == ("SCAN0-L", "SCAN1-L", "SCAN2-L", "SCAN3-L")
    assert patches.fold[patches.paired :].unique().tolist() == [0, 1, 2]
    assert len(patches.others) == patches.paired
    alone, again = read_cohort_patches(folders[0], with_mr=False), patches.of_pairs()
    assert again.pairs == alone.pairs
    assert again.digest == alone.digest
    assert torch.equal(again.ct, alone.ct)


def test_a_patch_is_told_of_its_knee_as_each_protocol_shows_it(folders: tuple[Path, Path]) -> None:
    patches = read_cohort_patches(folders[0], with_mr=False, knee_context=True)
    assert patches.context.shape[1] == len(CONTEXT + KNEE_CONTEXT)
    first = patches.pair == 0
    told = patches.context[first]
    assert torch.equal(told, told[:1].expand_as(told)), "one knee"
    own = patch_features(patches.ct[first].float(), patches.ct_mask[first].float())[:, 0].mean()
    assert told[0, len(CONTEXT)] == pytest.approx(float(own), rel=0.05)
    without_contrast = patches.other_contexts[first][0, 1]
    assert without_contrast[len(CONTEXT)] == 0.0
    assert without_contrast[0] == 2.0


def test_a_taught_student_answers_about_pairs_and_scans(folders: tuple[Path, Path], tmp_path: Path) -> None:
    teacher = tmp_path / "teacher"
    run(RegressionRequest(folders[0], teacher, Role(is_teacher=True), TINY.for_teacher()))
    request = RegressionRequest(
        folders[0], tmp_path / "student", Role(False, teacher), TINY, scans=folders[1]
    )
    found = run(request)
    alone = predictions.read(teacher)
    assert found.pair.tolist() == alone.pair.tolist(), "Table 5 compares the pairs"
    on_scans = predictions.read(tmp_path / "student" / SCANS)
    recorded = json.loads((tmp_path / "student" / MANIFEST).read_text())["settings"]["figures"]
    assert recorded["scans' icc21_BV/TV"] > 0.5
    assert len(on_scans) == 4 * 22
    for each in (found, on_scans):
        assert np.corrcoef(each.estimate[:, 0], each.label[:, 0])[0, 1] > 0.8


def test_few_pairs_and_scans_do_not_go_together(folders: tuple[Path, Path], tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"few": 2})
    with pytest.raises(SettingsError, match="scans"):
        run(RegressionRequest(folders[0], tmp_path, Role(False), settings, scans=folders[1]))
