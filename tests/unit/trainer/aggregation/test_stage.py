"""The aggregator's folder: whose subregions its drawn knees are of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from trainer.aggregation import stage
from trainer.aggregation.stage import COHORT, TEMPLATES, AggregatorSettings, draw_knees, knees_of
from trainer.stage import write_manifest


@pytest.fixture(autouse=True)
def knees_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Knee:
        def __init__(self, templates: object) -> None:
            pass

        def __call__(self, seed: int) -> dict[str, object]:
            return {
                "truth": np.full((200, 4), 0.5),
                "positions": np.zeros((200, 3)),
                "oa_class": np.array(seed % 3),
                "cartilage": np.zeros(5),
            }

    monkeypatch.setattr(stage, "KneeParameters", Knee)


def test_drawn_knees_have_the_subregions_of_the_bundle(tmp_path: Path) -> None:
    settings = AggregatorSettings(knees=3, jobs=1)
    assert len(draw_knees(tmp_path, None, settings)) == 3
    assert len(draw_knees(tmp_path, None, settings)) == 3, "and again"
    assert len(list((tmp_path / COHORT).glob("*.npz"))) == 3


def test_knees_of_other_subregions_are_not_mixed_in(tmp_path: Path) -> None:
    settings = AggregatorSettings(knees=2, jobs=1)
    draw_knees(tmp_path, None, settings)
    (tmp_path / TEMPLATES).write_text("{}")
    with pytest.raises(SettingsError, match="subregions"):
        draw_knees(tmp_path, None, settings)


def test_the_knees_of_a_folder_are_those_that_its_record_names(tmp_path: Path) -> None:
    """Others are there where it was stopped while drawing, or was run with more knees before."""
    draw_knees(tmp_path, None, AggregatorSettings(knees=5, jobs=1))
    (tmp_path / COHORT / "300002.4711.part.npz").write_bytes(b"cut")
    write_manifest(tmp_path, asdict(AggregatorSettings(knees=3)))
    assert knees_of(tmp_path).name.tolist() == ["300000", "300001", "300002"]


def test_a_folder_without_its_record_or_knees_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ctsma-train aggregator"):
        knees_of(tmp_path)
    write_manifest(tmp_path, asdict(AggregatorSettings(knees=3)))
    with pytest.raises(SettingsError, match="ctsma-train aggregator"):
        knees_of(tmp_path)
