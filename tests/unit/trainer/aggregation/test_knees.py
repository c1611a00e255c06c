"""Knees as tokens: from predictions of patches, and from drawn truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctsma_node.analysis.result import CartilageRegion
from ctsma_node.errors import SettingsError
from tests.unit.trainer.aggregation.planted import both_knees, planted_knees
from trainer.aggregation.knees import drawn_knees, measured_knees, together, unstaged
from trainer.evaluation.regression.predictions import Predictions
from trainer.patches.store import STORE, write_group

REGIONS = {region.value.replace(" ", "_"): float(n) for n, region in enumerate(CartilageRegion)}


def write_pair(
    folder: Path, pair: str, side: str, oa_class: str = "mild", table: bool = True, **clinical: object
) -> None:
    """All 200 subregions of a knee in a row, and one drawn point; with a row in the `table` or none."""
    bone = np.repeat([0, 1, 0], [100, 100, 1]).astype(np.uint8)
    subregion = np.concatenate([np.arange(1, 101), np.arange(1, 101), [0]]).astype(np.uint8)
    medial = np.linspace(0.0, 50.0, 201)
    lps = np.stack([medial if side == "R" else -medial, 2.0 * medial, 3.0 * medial], axis=1)
    attributes = {
        "side": side,
        "fold": 2,
        "oa_class": oa_class,
        "clinical": {"moaks_cartilage": REGIONS} | clinical if table else None,
    }
    write_group(folder / STORE, pair, {"lps": lps, "bone": bone, "subregion": subregion}, attributes)


def predicted(*pairs: str, missing: int = 0) -> Predictions:
    """Answers to all subregions but the first `missing` of each femur."""
    bone = np.repeat([0, 1], 100)[missing:]
    subregion = np.tile(np.arange(1, 101), 2)[missing:]
    n = len(bone)
    value = (1000.0 * bone + subregion)[:, None] * np.ones(4)
    return Predictions(
        estimate=np.tile(value, (len(pairs), 1)).astype(np.float32),
        label=np.ones((n * len(pairs), 4), dtype=np.float32),
        pair=np.repeat(pairs, n),
        fold=np.full(n * len(pairs), 2, dtype=np.int16),
        bone=np.tile(bone, len(pairs)).astype(np.uint8),
        subregion=np.tile(subregion, len(pairs)).astype(np.uint8),
        row=np.tile(np.arange(n), len(pairs)).astype(np.int32),
    )


def test_subregions_lie_in_their_order_and_left_knees_are_mirrored(tmp_path: Path) -> None:
    write_pair(tmp_path, "P0001-R", "R")
    write_pair(tmp_path, "P0002-L", "L")
    knees = measured_knees(tmp_path, predicted("P0001-R", "P0002-L"))
    np.testing.assert_allclose(knees.parameters[0, :3, 0], [1.0, 2.0, 3.0], rtol=1e-5)
    np.testing.assert_allclose(knees.parameters[0, 100:102, 0], [1001.0, 1002.0], rtol=1e-5)
    np.testing.assert_allclose(knees.positions[0], knees.positions[1])
    medial, inferior, posterior = np.diff(knees.positions[0, :2], axis=0)[0]
    assert medial < 0 < posterior
    assert inferior < 0
    assert knees.oa_class.tolist() == [1, 1]
    assert knees.cartilage[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert knees.fold.tolist() == [2, 2]


def test_a_subregion_without_an_answer_takes_the_mean_of_its_bone(tmp_path: Path) -> None:
    write_pair(tmp_path, "P0001-R", "R")
    knees = measured_knees(tmp_path, predicted("P0001-R", missing=3))
    expected = np.exp(np.log(np.arange(4, 101)).mean())
    np.testing.assert_allclose(knees.parameters[0, :3, 0], expected, rtol=1e-4)


def test_a_pair_without_a_grade_or_scores_is_left_out_and_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "P0001-R", "R", moaks_cartilage=None)
    write_pair(tmp_path, "P0002-R", "R", moaks_cartilage=REGIONS | {"trochlea": None})
    write_pair(tmp_path, "P0003-R", "R")
    write_pair(tmp_path, "P0004-R", "R", oa_class="")
    write_pair(tmp_path, "P0005-R", "R", table=False)
    pairs = [f"P000{number}-R" for number in range(1, 6)]
    assert measured_knees(tmp_path, predicted(*pairs)).name.tolist() == ["P0003-R"]
    assert unstaged(tmp_path) == [pair for pair in pairs if pair != "P0003-R"]


def test_without_a_clinical_table_there_is_no_measured_knee(tmp_path: Path) -> None:
    write_pair(tmp_path, "P0001-R", "R", oa_class="", table=False)
    knees = measured_knees(tmp_path, predicted("P0001-R"))
    assert len(knees) == 0
    assert len(together([planted_knees(3), knees])) == 3


def test_without_patches_the_way_to_them_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ctsma-train patches"):
        measured_knees(tmp_path, predicted("P0001-R"))


def test_a_drawn_knee_without_truth_is_left_out(tmp_path: Path) -> None:
    for seed, value in ((1, 0.2), (2, np.nan)):
        np.savez(
            tmp_path / f"{seed}.npz",
            truth=np.full((200, 4), value),
            positions=np.zeros((200, 3)),
            oa_class=1,
            cartilage=np.zeros(5),
        )
    knees = drawn_knees(sorted(tmp_path.glob("*.npz")))
    assert knees.name.tolist() == ["1"]
    assert not knees.measured.any()


def test_a_person_is_one_with_both_knees() -> None:
    assert both_knees(planted_knees(3)).person.tolist() == [0, 1, 2, 0, 1, 2]
    assert planted_knees(3).person.tolist() == [0, 1, 2]
