"""Who was trained on is known by patient and scan, whatever fold a later cohort.json puts them in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctsma_node.errors import SettingsError
from tests.unit.trainer.synthesis.scenes import entry
from trainer.evaluation.registration.request import EvaluationRequest, unseen
from trainer.synthesis.seen import write_seen


def left(folder: Path) -> list[str]:
    request = EvaluationRequest(folder, folder, folder, folder, syntheses=(folder,))
    cohort = [entry("A-R"), entry("A-L"), entry("B-R"), entry("X-R", "1.2"), entry("C-R", "1.3")]
    return [pair.pair_id for pair in unseen(request, cohort)]


def test_a_patient_s_other_knee_and_another_pseudonym_s_scan_are_seen(tmp_path: Path) -> None:
    write_seen(tmp_path, [entry("A-R"), entry("B-R"), entry("Y-R", "1.2")])
    assert left(tmp_path) == ["C-R"]
    write_seen(tmp_path, [])
    assert len(left(tmp_path)) == 5


def test_without_a_synthesis_nobody_was_seen(tmp_path: Path) -> None:
    request = EvaluationRequest(tmp_path, tmp_path, tmp_path, tmp_path)
    assert unseen(request, [entry("A-R")]) == [entry("A-R")]


@pytest.mark.parametrize("content", [None, "", "5"])
def test_a_synthesis_that_does_not_say_it_is_not_judged(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "trained_on.json").write_text(content)
    with pytest.raises(SettingsError, match="train it again"):
        left(tmp_path)


def test_no_pseudonym_is_kept(tmp_path: Path) -> None:
    write_seen(tmp_path, [entry("DOE-R", "1.2")])
    kept = (tmp_path / "trained_on.json").read_text()
    assert "DOE" not in kept
    assert "1.2" not in kept
