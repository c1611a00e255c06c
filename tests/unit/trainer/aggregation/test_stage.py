"""The aggregator's folder: whose subregions its drawn knees are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from trainer.aggregation import stage
from trainer.aggregation.stage import COHORT, TEMPLATES, AggregatorSettings, draw_knees


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
