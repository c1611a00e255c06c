"""Scans of drawn people without MR: divided as the node does, labelled by what was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.analysis.plan import DEFAULT, PLAN, Plan
from trainer.drawn import all_drawn_below
from trainer.patches import scans
from trainer.patches.scans import ScanSettings, _made_of, name_of, run, scan_patches
from trainer.patches.store import STORE, PatchStore, write_group

SHIPPED = Plan.model_validate_json((DEFAULT / PLAN).read_bytes())


def test_a_scan_shows_the_subregions_and_what_they_are_made_of() -> None:
    arrays, knee = scan_patches(200_007, SHIPPED, points=5)
    assert arrays["ct"].shape == (210, 12, 12, 12)
    assert arrays["subregion"].tolist() == 2 * [*range(1, 101), 0, 0, 0, 0, 0]
    assert np.isfinite(arrays["label"]).mean() > 0.95
    inside = arrays["ct_mask"].mean(axis=(1, 2, 3))
    assert np.median(inside) > 0.7
    # Denser bone is brighter: the labels are of these patches.
    hu = np.array([ct[mask].mean() for ct, mask in zip(arrays["ct"], arrays["ct_mask"], strict=True)])
    known = np.isfinite(arrays["label"]).all(axis=1) & (inside > 0.5)
    assert np.corrcoef(hu[known], arrays["label"][known, 0])[0, 1] > 0.6
    assert name_of(200_007).endswith(knee.side.value)


def test_what_is_there_is_not_drawn_again(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    made: list[int] = []

    def cut(store: Path, plan: Plan, points: int, seed: int) -> None:
        made.append(seed)
        write_group(store, name_of(seed), {"label": np.zeros((1, 4))}, _made_of(plan, points))

    monkeypatch.setattr(scans, "_cut", cut)
    assert run(tmp_path, SHIPPED, ScanSettings(3, first_seed=7), jobs=1) == 3
    assert all_drawn_below(tmp_path)
    assert run(tmp_path, SHIPPED, ScanSettings(5, first_seed=7), jobs=1) == 5
    assert made == [7, 8, 9, 10, 11]
    made.clear()
    run(tmp_path, SHIPPED, ScanSettings(1, points=7, first_seed=7), jobs=1)
    moved = SHIPPED.model_copy(update={"tibia_template": SHIPPED.femur_template})
    run(tmp_path, moved, ScanSettings(1, points=7, first_seed=7), jobs=1)
    assert made == [7, 7], "other points, other subregions"


def test_scans_that_were_not_asked_for_leave_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(store: Path, plan: Plan, points: int, seed: int) -> None:
        write_group(store, name_of(seed), {"label": np.zeros((1, 4))}, _made_of(plan, points))

    monkeypatch.setattr(scans, "_cut", cut)
    run(tmp_path, SHIPPED, ScanSettings(6, first_seed=7), jobs=1)
    assert run(tmp_path, SHIPPED, ScanSettings(3, first_seed=10), jobs=1) == 3
    assert PatchStore(tmp_path / STORE).pairs == [name_of(seed) for seed in (10, 11, 12)]
