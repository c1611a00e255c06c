"""A cohort without a clinical table, or with rows that lack a grade: the commands go on, or say why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.analysis.result import CartilageRegion
from trainer.aggregation import stage
from trainer.cli import app
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.predictions import Predictions
from trainer.patches.store import STORE, write_group

PAIRS = [f"P{number}-R" for number in range(6)]
BONE, SUBREGION = np.repeat([0, 1], 100).astype(np.uint8), np.tile(np.arange(1, 101, dtype=np.uint8), 2)
SCORES = {"moaks_cartilage": {region.value.replace(" ", "_"): 1.0 for region in CartilageRegion}}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Knees without drawing them; the seeds of those that are asked for."""
    asked: list[int] = []

    class Knee:
        def __init__(self, _: object) -> None:
            pass

        def __call__(self, seed: int) -> dict[str, Any]:
            asked.append(seed)
            rng = np.random.default_rng(seed)
            places = {"positions": rng.normal(size=(200, 3)), "oa_class": np.array(seed % 3)}
            return {"truth": np.exp(rng.normal(size=(200, 4))), "cartilage": rng.normal(size=5)} | places

    monkeypatch.setattr(stage, "KneeParameters", Knee)
    return asked


def write_pairs(build: Path, graded: int) -> None:
    """Patches and a student's answers of six pairs, the first of which have a grade and scores."""
    rng = np.random.default_rng(0)
    for number, pair in enumerate(PAIRS):
        known = (
            {"clinical": SCORES, "oa_class": "mild"}
            if number < graded
            else {"clinical": None, "oa_class": ""}
        )
        arrays = {"lps": rng.normal(size=(200, 3)), "bone": BONE, "subregion": SUBREGION}
        write_group(build / "patches" / STORE, pair, arrays, known | {"side": "R", "fold": number % 3})
    n = 200 * len(PAIRS)
    label = np.exp(0.2 * rng.normal(size=(n, 4))).astype(np.float32)
    found = Predictions(
        estimate=label * np.exp(0.05 * rng.normal(size=(n, 4))).astype(np.float32),
        label=label,
        pair=np.repeat(PAIRS, 200),
        fold=np.repeat(np.arange(6) % 3, 200).astype(np.int16),
        bone=np.tile(BONE, 6),
        subregion=np.tile(SUBREGION, 6),
        row=np.tile(np.arange(200), 6).astype(np.int32),
    )
    predictions.write(build / "regression" / "student", found)


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, words), "--jobs", "1"], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, " ".join(done.output.split())


def aggregator(build: Path) -> tuple[int, str]:
    return invoke("aggregator", "--build", build, "--knees", "20", "--steps", "2")


@pytest.mark.parametrize(("graded", "named"), [(0, "P0-R, P1-R"), (4, "2 pairs are not used"), (6, "")])
def test_an_aggregator_learns_from_the_pairs_that_have_a_grade(
    tmp_path: Path, drawn: list[int], graded: int, named: str
) -> None:
    write_pairs(tmp_path, graded)
    code, said = aggregator(tmp_path)
    assert code == 0, said
    assert named in said
    assert ("not used" in said) is (graded < 6)


def test_what_is_missing_is_said_before_a_knee_is_drawn(tmp_path: Path, drawn: list[int]) -> None:
    write_pairs(tmp_path, graded=6)
    (tmp_path / "regression" / "student" / "predictions.npz").unlink()
    code, said = aggregator(tmp_path)
    assert code == 2
    assert "let the method predict first" in said
    assert drawn == []


def evaluate(build: Path) -> tuple[int, str]:
    student, out = build / "regression" / "student", build / "out"
    asked = ["--patches", build / "patches", "--kind", "svm", "--times", "100", "--out", out]
    return invoke("evaluate", "patients", student, *asked)


def test_patients_without_a_grade_are_not_evaluated(tmp_path: Path) -> None:
    write_pairs(tmp_path, graded=0)
    code, said = evaluate(tmp_path)
    assert code == 2
    assert "no pair has a KL grade and MOAKS scores" in said
    write_pairs(tmp_path, graded=5)
    code, said = evaluate(tmp_path)
    assert code == 0, said
    assert "1 pairs are not used" in said
    assert "P5-R" in said
