from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.predictions import (
    FILE,
    Predictions,
    check_same_patches,
    labelled,
    read,
    write,
)


def predictions(seed: int = 0, *, bounds: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    pair = np.repeat(["P1-L", "P1-R", "P2-L"], 4)
    label = rng.random((12, 4)).astype(np.float32)
    estimate = label + rng.normal(0, 0.1, (12, 4)).astype(np.float32)
    return Predictions(
        estimate=estimate,
        label=label,
        pair=pair,
        fold=np.repeat(np.array([0, 0, 1], np.int16), 4),
        bone=np.tile(np.array([0, 1], np.uint8), 6),
        subregion=np.arange(12, dtype=np.uint8),
        row=np.tile(np.array([0, 2, 3, 7], np.int32), 3),
        low=estimate - np.float32(0.2) if bounds else None,
        high=estimate + np.float32(0.2) if bounds else None,
    )


@pytest.mark.parametrize("bounds", [True, False])
def test_what_was_written_is_read(tmp_path: Path, bounds: bool) -> None:
    written = predictions(bounds=bounds)
    write(tmp_path / "method", written)
    found = read(tmp_path / "method")
    for name in Predictions.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert [p.name for p in (tmp_path / "method").iterdir()] == [FILE]


def test_both_knees_are_one_patient() -> None:
    assert predictions().patient.tolist() == ["P1"] * 8 + ["P2"] * 4
    assert predictions().folds == [0, 1]


def broken(name: str, value: Any) -> dict[str, Any]:
    return {each: getattr(predictions(), each) for each in Predictions.__dataclass_fields__} | {name: value}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("estimate", np.zeros((12, 3), np.float32), r"estimate is \(12, 3\)"),
        ("estimate", np.zeros((12, 4)), "estimate is .* float64"),
        ("label", np.full((12, 4), np.nan, np.float32), "label is not finite"),
        ("fold", np.zeros(12, np.int64), "fold is .* int64"),
        ("fold", np.arange(12, dtype=np.int16) // 4, "P1 lies in two folds"),
        ("pair", np.repeat(["P2-L", "P1-R", "P3-L"], 4), "not sorted"),
        ("row", np.zeros(12, np.int32), "rows of P1-L do not rise"),
        ("low", None, "low and high"),
        ("low", np.full((12, 4), 9, np.float32), "low is above high"),
    ],
)
def test_what_is_broken_is_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Predictions(**broken(name, value))


def test_a_file_that_lacks_an_array_is_named(tmp_path: Path) -> None:
    whole = broken("pair", predictions().pair)
    np.savez(tmp_path / FILE, **{name: array for name, array in whole.items() if name not in ("row", "bone")})
    with pytest.raises(SettingsError, match=r"predictions\.npz lacks bone, row"):
        read(tmp_path)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is missing"):
        read(tmp_path)
    (tmp_path / FILE).write_bytes(b"no archive")
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path)
    np.savez(tmp_path / FILE, **broken("row", np.zeros(12, np.int32)))
    with pytest.raises(SettingsError, match=r"predictions\.npz.*do not rise"):
        read(tmp_path)


def test_methods_of_the_same_patches_may_differ_in_their_estimates() -> None:
    first = predictions(1)
    check_same_patches(first, replace(first, estimate=first.estimate + 1, low=None, high=None))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"row": np.tile(np.array([0, 2, 3, 8], np.int32), 3)}, "3 patches differ in row, first in P1-L"),
        ({"fold": np.repeat(np.array([1, 1, 0], np.int16), 4)}, "12 patches differ in fold"),
        ({"label": predictions(7).label}, "12 patches have other labels"),
    ],
)
def test_other_patches_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_same_patches(predictions(1), replace(predictions(1), **changes))


def test_fewer_patches_are_named() -> None:
    whole = predictions(1)
    arrays = {name: getattr(whole, name)[:8] for name in Predictions.__dataclass_fields__}
    with pytest.raises(SettingsError, match="12 patches are compared with 8; without P2-L"):
        check_same_patches(whole, Predictions(**arrays))


def test_patches_count_with_every_label_and_a_fifth_of_bone() -> None:
    label = np.ones((3, 4))
    label[1, 2] = np.nan
    mask = np.zeros((3, 2, 5, 5), bool)
    mask[:, 0, :2] = True  # a fifth
    mask[2, 0, 0, 0] = False
    assert labelled(label, mask).tolist() == [True, False, False]
