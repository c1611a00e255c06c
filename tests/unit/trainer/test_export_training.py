"""What a bundle says it was trained on: "no patient data" only where the stages' records prove it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ctsma_node.report.templates import load_templates
from tests.unit.trainer.builds import STUDENT, change_record, write_build
from trainer.cli import app
from trainer.drawn import ALL_DRAWN
from trainer.export import OWN_COHORT, TRAINING


def bundle(build: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["bundle", "--build", str(build), "--out", str(build / "bundle"), *more])


def said(build: Path) -> tuple[str, str, str]:
    """Name and training of the bundle, and its card."""
    plan = json.loads((build / "bundle" / "plan.json").read_text())
    return plan["name"], plan["training"], (build / "bundle" / "MODEL_CARD.md").read_text()


def test_a_bundle_of_drawn_knees_alone_says_so(tmp_path: Path) -> None:
    made = bundle(write_build(tmp_path, drawn=True))
    assert made.exit_code == 0, made.output
    name, training, card = said(tmp_path)
    assert (name, training) == ("synthetic", TRAINING)
    assert TRAINING in " ".join(made.output.split())
    assert "it has never seen a patient" in card
    assert "Scores on held-out phantoms" in card


@pytest.mark.parametrize("drawn", [False, None], ids=["patients", "a record that does not say"])
def test_a_bundle_that_may_have_seen_patients_does_not_deny_it(tmp_path: Path, drawn: bool | None) -> None:
    assert bundle(write_build(tmp_path, drawn=drawn)).exit_code == 0
    name, training, card = said(tmp_path)
    assert (name, training) == ("own", OWN_COHORT)
    for word in ("no patient data", "synthetic knees only", "never seen a patient", "phantoms\n"):
        assert word not in training + card
    assert "Research use only" in card
    assert "do not pass it on as free of patient data" in card


def test_reports_have_a_word_for_it_in_each_language() -> None:
    for training in (TRAINING, OWN_COHORT):
        assert load_templates("en").texts.term(training) == training
        assert "synthetische Knie" in load_templates("de").texts.term(training)


@pytest.mark.parametrize("stage", [STUDENT, Path("aggregator")], ids=str)
def test_each_stage_must_prove_it(tmp_path: Path, stage: Path) -> None:
    build = write_build(tmp_path, drawn=True)
    change_record(build / stage, **{ALL_DRAWN: False})
    assert bundle(build).exit_code == 0
    assert said(build)[1] == OWN_COHORT


def test_the_site_may_say_it_in_its_own_words(tmp_path: Path) -> None:
    build = write_build(tmp_path, drawn=None)
    assert bundle(build, "--training", "knees of our cohort", "--name", "ours").exit_code == 0
    name, training, card = said(build)
    assert (name, training) == ("ours", "knees of our cohort")
    assert "Trained on knees of our cohort. Research use only" in card


def test_without_a_network_of_all_folds_the_way_to_one_is_told(tmp_path: Path) -> None:
    build = write_build(tmp_path, drawn=True)
    (build / STUDENT / "student.json").unlink()
    made = bundle(build)
    assert made.exit_code == 2
    assert "student --final" in " ".join(made.output.split())


def test_a_part_of_a_bundle_takes_no_words(tmp_path: Path) -> None:
    assert bundle(tmp_path, "--bones-only", "--training", "ours").exit_code == 2
