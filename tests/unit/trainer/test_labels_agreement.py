from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from trainer.evaluation.labels import agreement, read_pairs


def test_unlabelled_patches_do_not_count() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(1.0, 0.2, (200, 4))
    labels = truth + rng.normal(0.0, 0.02, truth.shape)
    labels[:20] = np.nan
    found = agreement(labels, -truth, truth)
    assert found["patches"] == {"all": 200.0, "labelled": 180.0}
    for name in ("BV/TV", "Tb.Th", "Tb.Sp", "Tb.N"):
        assert found[name]["r"] > 0.98
        assert found[name]["apparent r"] == pytest.approx(-1.0)


def test_a_bias_lowers_agreement_and_leaves_correlation() -> None:
    truth = np.random.default_rng(2).normal(1.0, 0.2, (200, 4))
    found = agreement(truth + 0.2, truth, truth)
    assert found["Tb.Th"]["r"] == pytest.approx(1.0)
    assert found["Tb.Th"]["ICC(2,1)"] < 0.75


def test_a_folder_that_is_no_drawn_cohort_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=str(tmp_path)):
        list(read_pairs(tmp_path, tmp_path))
