"""The default bundle with another aggregator, trained for its own student."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from ctsma_node.analysis.bundle import read_bundle
from trainer.aggregation import stage
from trainer.cli import app


class Knee:
    """Parameters of a knee, or answers about its scan, without drawing one."""

    def __init__(self, _: object) -> None:
        pass

    def __call__(self, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        truth = np.exp(rng.normal(size=(200, 4)))
        values = truth * np.exp(rng.normal(0.0, 0.1, truth.shape))
        places = {"positions": rng.normal(size=(200, 3)), "oa_class": np.array(seed % 3)}
        return {"truth": truth, "values": values, "cartilage": rng.normal(size=5)} | places


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stage, "KneeParameters", Knee)
    monkeypatch.setattr(stage, "ScanAnswers", Knee)
    return tmp_path


def aggregator(build: Path, asked: int) -> Result:
    sizes = ["--knees", "30", "--steps", "3", "--jobs", "1"]
    return CliRunner().invoke(app, ["aggregator", "--build", str(build), "--asked", str(asked), *sizes])


def bundle(build: Path, *more: str) -> Result:
    named = ["--out", str(build / "bundle"), "--name", "other", "--version", "9"]
    return CliRunner().invoke(app, ["bundle", "--aggregator-only", "--build", str(build), *named, *more])


def test_all_but_the_aggregator_is_what_ships(build: Path) -> None:
    assert aggregator(build, 15).exit_code == 0
    assert len(list((build / "aggregator" / "answers").glob("*.npz"))) == 15
    made = bundle(build)
    assert made.exit_code == 0, made.output
    other, shipped = read_bundle(build / "bundle"), read_bundle()
    assert (other.plan.name, other.plan.version) == ("other", "9")
    for part in ("finder", "segmenter", "student"):
        ours, theirs = getattr(other, part).state_dict(), getattr(shipped, part).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert other.plan.familiarity == shipped.plan.familiarity
    assert not torch.equal(other.aggregator.classes.weight, shipped.aggregator.classes.weight)
    card = (build / "bundle" / "MODEL_CARD.md").read_text()
    assert card.startswith("# other 9\n")
    settings, scores = [line for line in card.splitlines() if line.startswith("- aggregator: ")]
    assert "asked 15" in settings
    assert "knees 30" in settings
    figures = json.loads((build / "aggregator" / "stage.json").read_text())["settings"]["figures"]
    assert f"auc {figures['auc']:.3f}" in scores
    assert "ece" not in figures, "it would be of the knees that the temperature was fitted to"
    assert f"ece_cross_fitted {figures['ece_cross_fitted']:.3f}" in scores
    assert (
        "the calibration error, is of each half of these people by the temperature of the other half"
        in scores
    )


def test_a_calibration_error_of_the_calibrating_knees_is_called_so(build: Path) -> None:
    assert aggregator(build, 15).exit_code == 0
    manifest = build / "aggregator" / "stage.json"
    record = json.loads(manifest.read_text())
    record["settings"]["figures"] = {"ece": 0.028, "ece_by_chance": 0.038}
    manifest.write_text(json.dumps(record))
    assert bundle(build).exit_code == 0
    card = (build / "bundle" / "MODEL_CARD.md").read_text()
    assert "ece, the calibration error, is of the knees that the temperature was fitted to" in card


def test_an_aggregator_of_too_few_answers_is_none(build: Path) -> None:
    found = aggregator(build, 4)
    assert found.exit_code == 2
    assert "4 of 4 scans were answered" in found.output


def test_without_an_aggregator_the_way_to_one_is_told(tmp_path: Path) -> None:
    found = bundle(tmp_path)
    assert found.exit_code == 2
    assert "ctsma-train aggregator" in found.output.replace("\n", " ")


def test_one_part_at_a_time(tmp_path: Path) -> None:
    assert bundle(tmp_path, "--bones-only").exit_code == 2


def test_an_aggregator_for_another_student_is_refused(build: Path) -> None:
    assert aggregator(build, 15).exit_code == 0
    manifest = build / "aggregator" / "stage.json"
    record = json.loads(manifest.read_text())
    record["settings"]["asked_student"] = "0" * 64
    manifest.write_text(json.dumps(record))
    found = bundle(build)
    assert found.exit_code == 2
    assert "student" in found.output
    assert not (build / "bundle").exists()


def test_an_aggregator_of_other_subregions_is_refused(build: Path) -> None:
    assert aggregator(build, 15).exit_code == 0
    templates = build / "aggregator" / "templates.json"
    places = json.loads(templates.read_text())
    places["femur"][0][0] += 0.1
    templates.write_text(json.dumps(places))
    found = bundle(build)
    assert found.exit_code == 2
    assert "subregions" in found.output


def test_answers_of_another_student_are_not_taken_for_this_ones(build: Path) -> None:
    assert aggregator(build, 15).exit_code == 0
    (build / "aggregator" / "answers" / "student").write_text("0" * 64)
    found = aggregator(build, 15)
    assert found.exit_code == 2
    assert "another student" in found.output.replace("\n", " ")
