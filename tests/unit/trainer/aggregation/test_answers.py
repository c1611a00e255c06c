"""What a bundle answers about scans, as an aggregator's training wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.errors import Refused, SettingsError
from trainer.aggregation import answers
from trainer.aggregation.answers import ScanAnswers, answered_knees

RNG = np.random.default_rng(8)


def item(folder: Path, number: int, **changes: Any) -> Path:
    truth = np.exp(RNG.normal(size=(200, 4)))
    path = folder / f"{number}.npz"
    values = truth * np.exp(RNG.normal(0.0, 0.1, truth.shape))
    about = {"oa_class": np.array(number % 3), "cartilage": np.full(5, number)}
    np.savez(path, **({"values": values, "truth": truth, "positions": np.zeros((200, 3))} | about | changes))
    return path


def refused(folder: Path, number: int) -> Path:
    return item(folder, number, **dict.fromkeys(("values", "truth", "positions"), np.empty((0, 3))))


def test_refused_scans_are_left_out_and_unknown_truth_says_nothing_of_errors(tmp_path: Path) -> None:
    paths = [item(tmp_path, n) for n in range(12)]
    odd = np.exp(RNG.normal(size=(200, 4)))
    odd[:50] = np.nan
    paths += [refused(tmp_path, 12), item(tmp_path, 13, truth=odd, values=np.where(np.isnan(odd), 1e9, odd))]
    knees, law = answered_knees(paths)
    assert len(knees) == 13
    assert "12" not in knees.name
    assert knees.measured.all()
    assert np.allclose(law.slope, 1.0, atol=0.05)
    assert np.allclose(np.sqrt(np.diag(law.within)), 0.1, atol=0.02)


def test_too_few_answers_are_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="3 of 5 scans were answered"):
        answered_knees([*(item(tmp_path, n) for n in range(3)), refused(tmp_path, 3), refused(tmp_path, 4)])


def test_a_refused_scan_is_told_by_nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def analyse(self, volume: object) -> None:
            raise Refused("no_knee", "There is none.")

    monkeypatch.setattr(answers, "_analyser", lambda bundle: Refusing())
    monkeypatch.setattr(answers, "render_ct", lambda scene, acquisition: None)
    found = ScanAnswers(None)(400_000)
    assert len(found["values"]) == len(found["truth"]) == 0
    assert found["cartilage"].shape == (5,)
