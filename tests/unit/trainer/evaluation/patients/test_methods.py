"""Methods as Tables 6 and 7 read them: what the labels of a fold may say, and of which patches all are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.unit.trainer.aggregation.planted import planted_knees
from trainer.aggregation.knees import Knees
from trainer.aggregation.models import Kind
from trainer.aggregation.training import Training
from trainer.cli import app
from trainer.evaluation.patients import stage
from trainer.evaluation.patients.stage import Answers, cross_validated, entries
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.predictions import Predictions

PEOPLE, PATCHES = 15, 20
TRAINING = Training()


@pytest.fixture(autouse=True)
def knees_without_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a method says of patches, its knees are the planted ones."""
    knees = planted_knees(PEOPLE)

    def asked(patches: Path, found: Predictions) -> Knees:
        return knees.at(np.isin(knees.name, found.pair))

    monkeypatch.setattr(stage, "measured_knees", asked)


def method() -> Predictions:
    """What one says of a few patches of each planted knee, with errors."""
    rng, knees = np.random.default_rng(4), planted_knees(PEOPLE)
    n = PEOPLE * PATCHES
    label = np.exp(rng.normal(size=(n, 4)))
    return Predictions(
        estimate=(label * np.exp(rng.normal(0.0, 0.1, (n, 4)))).astype(np.float32),
        label=label.astype(np.float32),
        pair=np.repeat(knees.name, PATCHES),
        fold=np.repeat(knees.fold, PATCHES).astype(np.int16),
        bone=np.zeros(n, dtype=np.uint8),
        subregion=np.tile(np.arange(1, PATCHES + 1), PEOPLE).astype(np.uint8),
        row=np.tile(np.arange(PATCHES), PEOPLE).astype(np.int32),
    )


def answered(folder: Path, found: Predictions, drawn: Knees) -> Answers:
    predictions.write(folder, found)
    (entry,) = entries([folder], folder, [Kind.SVM], TRAINING)
    return cross_validated(entry, drawn, lambda _: None)


def test_the_labels_of_held_out_patients_do_not_show_in_their_answers(tmp_path: Path) -> None:
    found, drawn = method(), planted_knees(40, seed=1, measured=False)
    mine = found.fold == 0
    scaled: Any = np.where(mine[:, None], found.label * np.exp(2.0 * found.label), found.label)
    other = replace(found, label=scaled.astype(np.float32))
    once, again = answered(tmp_path / "a", found, drawn), answered(tmp_path / "b", other, drawn)
    of = once.knees.fold == 0
    np.testing.assert_array_equal(once.p[of], again.p[of])
    np.testing.assert_array_equal(once.scores[of], again.scores[of])
    assert not np.array_equal(once.p[~of], again.p[~of]), "which the others learn from"


def some(found: Predictions, rows: Any) -> Predictions:
    arrays = {name: array for name, array in vars(found).items() if array is not None}
    return Predictions(**{name: array[rows] for name, array in arrays.items()})


def test_methods_of_other_knees_are_not_compared(tmp_path: Path) -> None:
    found = method()
    predictions.write(tmp_path / "cnn", found)
    predictions.write(tmp_path / "student", some(found, ~np.isin(found.pair, ["P0003-R", "P0007-R"])))
    folders = [str(tmp_path / name) for name in ("cnn", "student")]
    result = CliRunner().invoke(
        app, ["evaluate", "patients", *folders, "--kind", "svm", "--out", str(tmp_path)]
    )
    assert result.exit_code == 2, result.output
    output = result.output.replace("\n", " ")
    assert "cnn and student cannot be compared" in output
    assert "P0003-R, P0007-R" in output


def test_a_method_of_fewer_folds_is_not_compared(tmp_path: Path) -> None:
    found = method()
    predictions.write(tmp_path / "cnn", some(found, found.fold < 2))
    predictions.write(tmp_path / "student", found)
    with pytest.raises(SettingsError, match="cnn and student cannot be compared"):
        entries([tmp_path / "cnn", tmp_path / "student"], tmp_path, [Kind.SVM], TRAINING)


def test_two_folders_of_one_name_are_told_apart_by_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / name / "student" for name in ("a", "b")]
    for folder in folders:
        predictions.write(folder, method())
    with pytest.raises(SettingsError, match="two folders are called student"):
        entries(folders, tmp_path, [Kind.SVM], TRAINING)
