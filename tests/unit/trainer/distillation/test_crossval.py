"""Teachers and students over the folds: unseen patients, kept networks, the same again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from tests.unit.trainer.distillation.cohorts import deal_otherwise, write_cohort
from trainer.distillation.cohort_patches import read_cohort_patches
from trainer.distillation.crossval import EVERY, Role, folds_of
from trainer.distillation.regression_stage import RegressionRequest, run
from trainer.distillation.settings import Form, LossWeights, RegressionSettings
from trainer.evaluation.regression import predictions

TINY = RegressionSettings(
    width=4, batch=16, steps=60, teacher_steps=60, rate=1e-2, precision="single", seed=4
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("patches"))


@pytest.fixture(scope="module")
def teacher(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("teacher")
    run(RegressionRequest(cohort, out, Role(is_teacher=True), TINY.for_teacher()))
    return out


def correlation(found: predictions.Predictions) -> float:
    return float(np.corrcoef(found.estimate[:, 0], found.label[:, 0])[0, 1])


def test_every_patch_is_predicted_by_a_teacher_that_never_saw_its_patient(teacher: Path) -> None:
    found = predictions.read(teacher)
    assert len(found) == 6 * 22
    assert correlation(found) > 0.8
    logs = sorted(path.parent.name for path in (teacher / "log").glob("*/events*"))
    kept = sorted(path.stem for path in teacher.glob("*.safetensors"))
    assert kept == logs == [EVERY, "fold_0", "fold_1", "fold_2"]


def test_a_student_learns_and_is_kept(cohort: Path, teacher: Path, tmp_path: Path) -> None:
    request = RegressionRequest(cohort, tmp_path, Role(is_teacher=False, teacher=teacher), TINY)
    found = run(request)
    assert correlation(found) > 0.8
    assert (tmp_path / f"{EVERY}.safetensors").is_file()
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.safetensors")}
    again = run(request)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.safetensors")} == before
    np.testing.assert_array_equal(again.estimate, found.estimate)
    (tmp_path / "fold_1.safetensors").unlink()
    np.testing.assert_array_equal(run(request).estimate, found.estimate)


def test_a_student_may_look_at_the_native_resolution(cohort: Path, teacher: Path, tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"form": Form.NATIVE, "steps": 40})
    request = RegressionRequest(cohort, tmp_path, Role(False, teacher), settings, final=False)
    assert correlation(run(request)) > 0.7


def test_other_settings_do_not_share_a_folder(cohort: Path, teacher: Path) -> None:
    other = TINY.for_teacher().model_copy(update={"rate": 1e-3})
    with pytest.raises(SettingsError, match="settings"):
        run(RegressionRequest(cohort, teacher, Role(is_teacher=True), other))


def test_other_teachers_in_a_folder_of_the_same_name_are_noticed(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "teacher"
    shutil.copytree(teacher, theirs)
    few = TINY.model_copy(update={"steps": 2})
    request = RegressionRequest(cohort, tmp_path / "out", Role(False, theirs), few, final=False)
    (theirs / f"{EVERY}.safetensors").rename(theirs / "not yet")
    run(request)
    (theirs / "not yet").rename(theirs / f"{EVERY}.safetensors")
    run(request)  # a teacher more changes nothing
    shutil.copy(theirs / "fold_0.safetensors", theirs / "fold_1.safetensors")
    with pytest.raises(SettingsError, match="teachers"):
        run(request)


def test_networks_of_folds_that_are_dealt_otherwise_are_not_kept(cohort: Path, tmp_path: Path) -> None:
    """The labels are the same, and every network has seen patients that are held out now."""
    few = TINY.for_teacher().model_copy(update={"steps": 2})
    run(RegressionRequest(cohort, tmp_path / "out", Role(is_teacher=True), few, final=False))
    dealt = deal_otherwise(cohort, tmp_path / "dealt")
    with pytest.raises(SettingsError, match="patches"):
        run(RegressionRequest(dealt, tmp_path / "out", Role(is_teacher=True), few, final=False))


def test_a_record_that_does_not_name_its_teachers_is_refused(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    few = TINY.model_copy(update={"steps": 2})
    request = RegressionRequest(cohort, tmp_path, Role(False, teacher), few, final=False)
    run(request)
    record = json.loads((tmp_path / "stage.json").read_text())
    del record["settings"]["teachers"]
    (tmp_path / "stage.json").write_text(json.dumps(record))
    with pytest.raises(SettingsError, match="teachers"):
        run(request)


def test_a_damaged_record_is_said(cohort: Path, teacher: Path, tmp_path: Path) -> None:
    for number, text in enumerate(("", "{", "[]", "{}")):
        out = tmp_path / str(number)
        out.mkdir()
        (out / "stage.json").write_text(text)
        with pytest.raises(SettingsError, match="is damaged"):
            run(RegressionRequest(cohort, out, Role(is_teacher=True), TINY.for_teacher()))


def test_a_student_without_its_teacher_is_told_the_command(cohort: Path, tmp_path: Path) -> None:
    role = Role(is_teacher=False, teacher=tmp_path / "none")
    with pytest.raises(SettingsError, match="ctsma-train teacher"):
        run(RegressionRequest(cohort, tmp_path / "out", role, TINY))


def test_validation_leaves_the_test_fold_unseen(cohort: Path) -> None:
    patches = read_cohort_patches(cohort, with_mr=False)
    for fold, plain in zip(folds_of(patches, validate=True), folds_of(patches, validate=False), strict=True):
        assert fold.name == plain.name
        assert plain.test[0] not in (*fold.train, *fold.test)
        assert not set(fold.train) & set(fold.test)
    assert sorted(f.test[0] for f in folds_of(patches, validate=True)) == [0, 1, 2]


def test_a_plain_student_has_no_weight_for_a_teacher() -> None:
    weights = TINY.for_teacher().weights
    assert weights == LossWeights(supervised=1.0, prediction=0.0, feature=0.0, relation=0.0, contrast=0.0)


def test_a_student_is_taught_in_mixed_precision_too(cohort: Path, teacher: Path, tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"precision": "mixed", "steps": 20})
    request = RegressionRequest(cohort, tmp_path, Role(False, teacher), settings, folds=2, final=False)
    assert np.isfinite(run(request).estimate).all()


def test_a_student_learns_from_patches_that_have_no_label(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    few = TINY.model_copy(update={"labelled": 2, "label_noise": 3.0})
    taught = run(RegressionRequest(cohort, tmp_path / "taught", Role(False, teacher), few, final=False))
    assert correlation(taught) > 0.8
    alone = few.model_copy(update={"weights": TINY.for_teacher().weights})
    plain = run(RegressionRequest(cohort, tmp_path / "plain", Role(False, None), alone, final=False))
    assert correlation(plain) < correlation(taught)


def test_a_record_without_a_later_setting_is_of_its_default(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "teacher"
    shutil.copytree(teacher, copy)
    record = json.loads((copy / "stage.json").read_text())
    del record["settings"]["settings"]["labelled"]
    (copy / "stage.json").write_text(json.dumps(record))
    run(RegressionRequest(cohort, copy, Role(is_teacher=True), TINY.for_teacher()))
