"""Six patients, as a quick run has: folds of one class are no figures, and no error."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.unit.trainer.aggregation.planted import planted_knees
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import Knees
from trainer.aggregation.models import Kind
from trainer.aggregation.training import Training
from trainer.cli.table67 import show_tables67
from trainer.evaluation.patients.figures import two_sided
from trainer.evaluation.patients.pictures import calibration_picture, cartilage_picture, roc_picture
from trainer.evaluation.patients.stage import Answers, Entry, cross_validated, evaluate, write

LAWS = dict.fromkeys(range(5), ErrorLaw(np.zeros(4), np.ones(4), 0.001 * np.eye(4), 0.002 * np.eye(4)))
ONE_CLASS, ONE_OF_EACH = (0, 0, 0, 0, 0, 0), (0, 1, 2, 0, 1, 2)


def six(classes: tuple[int, ...]) -> Knees:
    knees = planted_knees(6)
    return Knees(**{**vars(knees), "oa_class": np.array(classes)})


def answers(kind: Kind, knees: Knees, drawn: Knees | None = None) -> Answers:
    training = Training(kind=kind, width=8, steps=2, batch=4)
    return cross_validated(Entry("x", knees, LAWS, training), drawn, lambda _: None)


@pytest.mark.parametrize("classes", [ONE_CLASS, ONE_OF_EACH])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_aggregator_answers(kind: Kind, classes: tuple[int, ...]) -> None:
    for drawn in (None, planted_knees(12, seed=1, measured=False)):
        found = answers(kind, six(classes), drawn)
        np.testing.assert_allclose(found.p.sum(axis=1), 1.0, atol=1e-6)
        assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("classes", [ONE_CLASS, ONE_OF_EACH])
def test_tables_and_pictures_of_what_there_is(classes: tuple[int, ...], tmp_path: Path) -> None:
    found = {name: answers(kind, six(classes)) for name, kind in (("a", Kind.MLP), ("b", Kind.SVM))}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        figures = evaluate(found, times=100, seed=0)
        write(tmp_path, found, figures)
        for number, draw in enumerate((roc_picture, cartilage_picture, calibration_picture)):
            draw(found, figures["entries"], tmp_path / f"{number}.png")
    show_tables67(figures, tmp_path / "tables67.txt")
    assert "nan" in (tmp_path / "tables67.txt").read_text()
    folds = json.loads((tmp_path / "evaluation.json").read_text())["entries"]["a"]["folds"]
    assert np.isfinite(folds["mae"]["mean"])


def test_what_no_draw_shows_has_no_p() -> None:
    assert np.isnan(two_sided(np.full(100, np.nan)))
