"""The options that make a stage small reach its settings."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from trainer.aggregation import stage as aggregation
from trainer.cli import app
from trainer.distillation import regression_stage as regression
from trainer.registration import stage as registration
from trainer.registration.quality import Limits
from trainer.segmentation import stage as segmentation


class AskedError(Exception):
    """Ends a command with what it asked its stage for."""


def asked(monkeypatch: pytest.MonkeyPatch, stage: ModuleType, *argv: str) -> Any:
    def run(*arguments: Any) -> None:
        raise AskedError(arguments[-1])

    monkeypatch.setattr(stage, "run", run)
    monkeypatch.setattr(registration, "count_pairs", lambda _: 1)
    result = CliRunner().invoke(app, list(argv))
    assert isinstance(result.exception, AskedError), result.output
    return result.exception.args[0]


def test_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ("--knees", "16", "--held-out", "4", "--steps", "250", "--finder-steps", "400")
    found = asked(monkeypatch, segmentation, "segmenter", *sizes)
    assert (found.knees, found.held_out, found.segmenter_steps, found.finder_steps) == (16, 4, 250, 400)
    assert asked(monkeypatch, segmentation, "segmenter", "--steps", "250").finder_steps == 125


def test_a_segmenter_needs_a_knee_to_train_on() -> None:
    result = CliRunner().invoke(app, ["segmenter", "--knees", "4", "--held-out", "4"])
    assert result.exit_code == 2
    assert "none to train on" in " ".join(result.output.replace("│", "").split())


def test_teacher_and_student(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("teacher", "student"):
        assert asked(monkeypatch, regression, command, "--steps", "60").settings.steps == 60
        assert asked(monkeypatch, regression, command).settings.steps > 60


def test_aggregator(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, aggregation, "aggregator", "--template-knees", "8").template_knees == 8


def test_a_synthesis_that_is_not_believed_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, registration, "register", "archive", "--least-overlap", "0")
    assert found.limits.overlap == 0.0
    assert found.limits.information == Limits().information
    assert asked(monkeypatch, registration, "register", "archive").limits.overlap == 0.4
