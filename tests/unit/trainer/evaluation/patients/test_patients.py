"""Tables 6 and 7: figures that are known, and the whole evaluation from planted knees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from tests.unit.trainer.aggregation.planted import both_knees, planted_knees
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.models import Kind
from trainer.aggregation.training import Training
from trainer.cli.table67 import show_tables67
from trainer.evaluation.patients.figures import (
    auc_draws,
    calibration_error,
    chance_calibration_error,
    figures_of,
    two_sided,
)
from trainer.evaluation.patients.pictures import calibration_picture, cartilage_picture, roc_picture
from trainer.evaluation.patients.stage import Answers, Entry, cross_validated, evaluate, shuffled_auc, write

LAWS = dict.fromkeys(range(5), ErrorLaw(np.zeros(4), np.ones(4), 0.001 * np.eye(4), 0.002 * np.eye(4)))
SVM = Training(kind=Kind.SVM)


def answers(effect: float) -> Answers:
    return cross_validated(Entry("x", planted_knees(80, effect=effect), LAWS, SVM), None, lambda _: None)


def test_a_perfect_answer_has_perfect_figures() -> None:
    knees = planted_knees(30)
    found = figures_of(np.eye(3)[knees.oa_class], knees.cartilage, knees)
    for row in ("precision", "recall", "f1", "auc", "severity_auc", "severity_f1", "r2"):
        assert found[row] == pytest.approx(1.0)
    assert found["mae"] == found["ece"] == found["ece_by_chance"] == 0.0


def test_one_class_has_no_auc() -> None:
    knees = planted_knees(30)
    normal = knees.at(knees.oa_class == 0)
    found = figures_of(np.eye(3)[normal.oa_class], normal.cartilage, normal)
    assert np.isnan([found[row] for row in ("auc", "severity_auc", "severity_f1")]).all()


def test_calibration_error_is_how_far_shares_are_from_probabilities() -> None:
    truth = np.arange(1000) % 2 == 0
    assert calibration_error(np.full(1000, 0.5), truth) == pytest.approx(0.0, abs=0.01)
    assert calibration_error(np.full(1000, 0.9), truth) == pytest.approx(0.4, abs=0.01)


def test_right_probabilities_of_few_knees_err_by_chance() -> None:
    probability = np.random.default_rng(1).random(4000)
    assert chance_calibration_error(probability[:50]) > 0.08
    assert chance_calibration_error(probability) < 0.03


def test_the_bootstrap_draws_people_with_both_knees() -> None:
    knees = planted_knees(30, effect=0.1)
    p = np.random.default_rng(2).dirichlet(np.ones(3), 30)
    one, two = auc_draws(p, knees, 50, 0), auc_draws(np.tile(p, (2, 1)), both_knees(knees), 50, 0)
    np.testing.assert_allclose(two, one)
    assert one.std() > 0.02


def test_p_of_a_difference_is_never_zero() -> None:
    assert two_sided(np.full(500, 0.1)) == pytest.approx(1 / 500)
    assert two_sided(np.linspace(-1, 1, 1001)) == pytest.approx(1.0, abs=0.01)


def test_tables_and_pictures(tmp_path: Path) -> None:
    found = {"strong, svm": answers(0.8), "weak, svm": answers(0.1)}
    figures = evaluate(found, times=200, seed=0) | {"shuffled": [0.4, 0.5]}
    write(tmp_path, found, figures)
    strong, weak = (figures["entries"][name]["pooled"]["auc"] for name in found)
    assert strong > 0.9 > weak
    assert figures["comparisons"][0]["p"] < 0.05
    assert json.loads((tmp_path / "evaluation.json").read_text())["entries"].keys() == found.keys()
    for number, draw in enumerate((roc_picture, cartilage_picture, calibration_picture)):
        draw(found, figures["entries"], tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").stat().st_size > 5000
    show_tables67(figures, tmp_path / "tables67.txt")
    text = (tmp_path / "tables67.txt").read_text()
    assert "strong, svm" in text
    assert "AUC 0.450" in text
    assert "paper: CT-SMA (CT)," in text


def test_the_difference_is_that_of_the_aucs_beside_it() -> None:
    figures = evaluate({"strong": answers(0.6), "weak": answers(0.1)}, times=100, seed=0)
    strong, weak = (figures["entries"][name]["pooled"]["auc"] for name in ("strong", "weak"))
    compared = figures["comparisons"][0]
    assert compared["auc"] == strong - weak
    assert compared["interval"][0] < compared["auc"] < compared["interval"][1]


def test_labels_of_other_knees_teach_nothing() -> None:
    entry = Entry("x", planted_knees(80, effect=1.0), LAWS, SVM)
    found = shuffled_auc(entry, 8, seed=1)
    assert 0.4 <= np.mean(found) <= 0.6
    assert found == shuffled_auc(entry, 8, seed=1)


def test_the_total_of_the_scores_has_figures_of_its_own() -> None:
    knees = planted_knees(30)
    found = figures_of(np.eye(3)[knees.oa_class], knees.cartilage + 0.5, knees)
    assert found["mae"] == pytest.approx(0.5)
    assert found["total_mae"] == pytest.approx(2.5)


def test_knees_of_one_fold_cannot_be_cross_validated() -> None:
    knees = planted_knees(20)
    alone = knees.at(knees.fold == 0)
    with pytest.raises(SettingsError, match="fold"):
        cross_validated(Entry("x", alone, LAWS, SVM), None, lambda _: None)
