from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.errors import SettingsError
from trainer.evaluation.icc import icc21
from trainer.evaluation.regression.predictions import read
from trainer.patches.store import STORE, write_group
from trainer.radiomics import stage
from trainer.radiomics.regressor import SETTINGS, Kind, Setting, fit_predict
from trainer.radiomics.stage import RadiomicsRequest, run
from trainer.radiomics.table import make_features, read_features
from trainer.radiomics.tuning import Inner, two_left_out

QUICK = (Setting(Kind.ELASTIC_NET, 0.01), Setting(Kind.ELASTIC_NET, 1.0))


def patches(folder: Path, folds: int = 3) -> Path:
    """Two pairs a fold; BV/TV is in the mean HU of a patch, Tb.Th in its spread, the rest is noise."""
    rng = np.random.default_rng(1)
    for n in range(2 * folds):
        count = 24
        level, spread = rng.uniform(100, 500, count), rng.uniform(20, 120, count)
        noise = rng.normal(size=(count, 12, 12, 12))
        label = np.column_stack([level / 1000, spread / 500, *rng.random((2, count))])
        mask = np.ones(noise.shape, bool)
        label[0, 2] = np.nan
        mask[1] = False
        arrays: dict[str, Any] = {
            "ct": (level[:, None, None, None] + spread[:, None, None, None] * noise).astype(np.float16),
            "ct_mask": mask,
            "label": label.astype(np.float32),
            "bone": rng.integers(0, 2, count).astype(np.uint8),
            "subregion": np.arange(count, dtype=np.uint8),
            "context": rng.normal(size=3).astype(np.float32),
        }
        write_group(folder / STORE, f"P{n:02d}-R", arrays, {"fold": n % folds})
    return folder


def quiet(*_: object) -> None:
    """Progress that nobody reads."""


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_finds_a_planted_law_with_few_of_many_features(kind: Kind) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 30)).astype(np.float32)
    y = np.column_stack([x[:, 3] + 0.5 * x[:, 7], x[:, 9], -x[:, 3], x[:, 20] + x[:, 3]]).astype(np.float32)
    setting = next(each for each in SETTINGS if each.kind is kind)
    found = fit_predict(x[:400], y[:400], x[400:], (setting,))[0]
    assert found.shape == (100, 4)
    assert (icc21(found, y[400:]) > 0.85).all()


def test_the_budget_is_twelve_settings() -> None:
    assert len(set(SETTINGS)) == len({str(each) for each in SETTINGS}) == 12


def test_predictions_are_made_and_find_what_is_there(tmp_path: Path) -> None:
    request = RadiomicsRequest(patches(tmp_path / "patches"), tmp_path / "radiomics", settings=QUICK)
    made = run(request, quiet)
    found = read(tmp_path / "radiomics")
    assert len(found) == 6 * 22
    assert 0 not in found.row  # no label
    assert 1 not in found.row  # no bone
    agreement = icc21(found.estimate, found.label)
    assert (agreement[:2] > 0.8).all()
    assert (agreement[2:] < 0.3).all()
    assert found.low is not None
    assert found.high is not None
    inside = (found.label >= found.low) & (found.label <= found.high)
    assert 0.8 <= inside.mean() <= 1.0
    np.testing.assert_array_equal(made.estimate, found.estimate)


def test_a_fold_is_predicted_without_its_labels(tmp_path: Path) -> None:
    request = RadiomicsRequest(patches(tmp_path / "patches"), tmp_path / "one", settings=QUICK)
    run(request, quiet)
    table = read_features(request.patches, tmp_path / "one" / "features")
    other = table.label.copy()
    other[table.fold == 1] = np.random.default_rng(3).random((int((table.fold == 1).sum()), 4))
    first = stage._one_fold(table, {1: 0}, request, 1)["predicted"]
    second = stage._one_fold(replace(table, label=other), {1: 0}, request, 1)["predicted"]
    np.testing.assert_array_equal(first, second)


def test_what_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = RadiomicsRequest(patches(tmp_path / "patches"), tmp_path / "out", settings=QUICK)
    first = run(request, quiet)
    with monkeypatch.context() as patched:
        patched.setattr("trainer.radiomics.table.features", None)
        patched.setattr("trainer.radiomics.stage.fit_predict", None)
        np.testing.assert_array_equal(run(request, quiet).estimate, first.estimate)
    write_again = patches(tmp_path / "patches", folds=3)
    store = write_again / STORE
    from trainer.patches.store import PatchStore

    changed = PatchStore(store).read("P00-R", ["ct", "ct_mask", "label", "bone", "subregion", "context"])
    write_group(store, "P00-R", changed | {"ct": changed["ct"] + 50}, {"fold": 0, "calibration": "another"})
    assert not np.array_equal(run(request, quiet).estimate, first.estimate)


def test_features_are_named_in_the_predictions_order(tmp_path: Path) -> None:
    source = patches(tmp_path / "patches")
    request = RadiomicsRequest(source, tmp_path / "out")
    assert sorted(make_features(source, tmp_path / "f", request.bins, 1)) == [f"P{n:02d}-R" for n in range(6)]
    table = read_features(source, tmp_path / "f")
    assert table.values.shape == (132, 104)
    assert len(table.names) == 104
    assert table.names[-4:] == (
        "log noise lag 1",
        "log noise lag 2",
        "log noise lag 1 through slices",
        "bone is tibia",
    )
    np.testing.assert_array_equal(table.values[:, -1], table.bone)
    assert table.pair.tolist() == sorted(table.pair.tolist())


def test_without_patches_the_way_to_them_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ctsma-train patches"):
        run(RadiomicsRequest(tmp_path, tmp_path / "out"), quiet)


def test_two_folds_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="2 folds"):
        run(RadiomicsRequest(patches(tmp_path, folds=2), tmp_path / "out", settings=QUICK), quiet)


def inner() -> Inner:
    """Two settings, four folds of 50 patches; a prediction is wrong by 0.1 and 0.5."""
    fold = np.repeat(np.arange(4), 50).astype(np.int16)
    label = np.random.default_rng(4).random((200, 4)).astype(np.float32)
    by_pair = {}
    for pair in two_left_out([0, 1, 2, 3]):
        predicted = np.full((2, 200, 4), np.nan, np.float32)
        of = np.isin(fold, pair)
        predicted[0, of], predicted[1, of] = label[of] + 0.1 * pair[0], label[of] + 0.5
        by_pair[pair] = predicted
    return Inner(by_pair, fold, label)


def test_inner_predictions_of_a_fold_leave_it_out() -> None:
    found = inner().of(2)
    assert np.isnan(found[:, inner().fold == 2]).all()
    # Fold 3 is predicted by the model without 2 and 3, fold 0 by the one without 0 and 2.
    error = found[0, :, 0] - inner().label[:, 0]
    assert error[inner().fold == 3].mean() == pytest.approx(0.2, abs=1e-6)
    assert error[inner().fold == 0].mean() == pytest.approx(0.0, abs=1e-6)


def test_the_better_setting_has_the_better_score() -> None:
    assert inner().scores(0).argmax() == 0


def test_a_constant_error_is_the_intervals_half_width() -> None:
    np.testing.assert_allclose(inner().half_width(0, 1), 0.5, atol=1e-6)
