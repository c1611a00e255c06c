from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pingouin
import pytest
from scipy import stats
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.unit.trainer.evaluation.regression.planted import SPREAD, icc_of, predictions
from trainer.cli import app
from trainer.evaluation.icc import agreement, icc21, sums
from trainer.evaluation.regression.bland_altman import bland_altman
from trainer.evaluation.regression.bootstrap import draws, interval
from trainer.evaluation.regression.comparison import compare, comparisons, holm, patient_errors
from trainer.evaluation.regression.coverage import coverage
from trainer.evaluation.regression.figures import shift_picture
from trainer.evaluation.regression.predictions import write
from trainer.evaluation.regression.shift import shift_curve
from trainer.evaluation.regression.table5 import OVERALL, PAPER, ROWS, icc_figures

RUNNER = CliRunner()
TIMES = 300


def test_the_papers_overall_is_the_mean_of_its_rows() -> None:
    for of in PAPER.values():
        rows = [of[row][0] for row in ROWS[:-1]]
        assert np.mean(rows) == pytest.approx(of[OVERALL][0], abs=0.015)


def test_planted_agreement_is_found_in_every_form() -> None:
    found = icc_figures(predictions(0.6, patients=60, each=60), TIMES, 0)
    for form in ("icc21", "icc31", "within"):
        for row in ROWS:
            assert found[form][row]["pooled"] == pytest.approx(icc_of(0.6), abs=0.02)
            assert found[form][row]["low"] < found[form][row]["pooled"] < found[form][row]["high"]


def test_folds_are_those_of_the_patients() -> None:
    given = predictions(0.6)
    found = icc_figures(given, TIMES, 0)["icc21"]
    by_hand = [icc21(given.estimate[given.fold == f], given.label[given.fold == f]) for f in range(5)]
    for c, row in enumerate(ROWS[:-1]):
        np.testing.assert_allclose(found[row]["folds"], [each[c] for each in by_hand])
    overall = [each.mean() for each in by_hand]
    assert found[OVERALL]["mean"] == pytest.approx(np.mean(overall))
    assert found[OVERALL]["sd"] == pytest.approx(np.std(overall, ddof=1))


def test_an_error_that_a_patient_shares_is_not_within_patients() -> None:
    found = icc_figures(predictions(0.3, of_patient=1.0), TIMES, 0)
    assert found["within"][OVERALL]["pooled"] == pytest.approx(icc_of(0.3), abs=0.02)
    assert found["icc21"][OVERALL]["pooled"] < icc_of(0.3) - 0.15


def test_a_draw_is_what_drawing_the_patches_of_patients_gives() -> None:
    given = predictions(0.6, patients=6, each=10)
    weights = draws(6, 3, seed=4)
    drawn = agreement(sums(given.estimate, given.label, given.patient).weighted(weights))
    patients = np.unique(given.patient)
    for n, counts in enumerate(weights.astype(int)):
        rows = np.concatenate([np.flatnonzero(given.patient == p) for p in np.repeat(patients, counts)])
        np.testing.assert_allclose(drawn[n], icc21(given.estimate[rows], given.label[rows]))


def test_the_bootstrap_covers_the_truth() -> None:
    truth = icc_of(np.hypot(0.5, 0.5))
    inside = []
    for n in range(100):
        given = predictions(0.5, of_patient=0.5, patients=50, each=12, seed=n, labels=1000 + n)
        found = sums(given.estimate, given.label, given.patient)
        low, high = interval(agreement(found.weighted(draws(50, TIMES, n))))
        inside.append((low <= truth) & (truth <= high))
    assert 0.90 <= np.mean(inside) <= 0.98


def test_patients_and_not_patches_are_drawn() -> None:
    shared = predictions(0.3, of_patient=1.0, patients=20, each=50)
    found = icc_figures(shared, TIMES, 0)["icc21"]["Tb.N"]
    as_if = sums(shared.estimate, shared.label, np.arange(1000))
    low, high = interval(agreement(as_if.weighted(draws(1000, TIMES))))
    assert found["high"] - found["low"] > 2 * (high - low)[3]


def test_a_better_method_wins_and_its_twin_does_not() -> None:
    good, worse, twin = predictions(0.4, seed=1), predictions(0.6, seed=2), predictions(0.4, seed=3)
    found = compare(good, worse, TIMES, 0)
    assert found["icc21"][OVERALL]["low"] > 0.0
    assert found["patients"][OVERALL]["p"] < 1e-6
    assert found["patients"][OVERALL]["low"] > 0.0
    assert found["folds"][OVERALL]["p"] < 0.01
    assert compare(good, twin, TIMES, 0)["patients"][OVERALL]["p"] > 0.01


def test_paired_tests_are_scipys() -> None:
    first, second = predictions(0.5, seed=1), predictions(0.55, seed=2)
    found = compare(first, second, TIMES, 0)["patients"]["Tb.Sp"]
    expected = stats.ttest_rel(patient_errors(second)[:, 2], patient_errors(first)[:, 2])
    assert (found["t"], found["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert found["pairs"] == 30


def test_a_method_does_not_differ_from_itself() -> None:
    found = compare(predictions(), predictions(), TIMES, 0)
    assert found["patients"][OVERALL]["p"] == 1.0
    assert found["icc21"][OVERALL] == {"difference": 0.0, "low": 0.0, "high": 0.0}


def test_holm_is_pingouins() -> None:
    p = [0.01, 0.04, 0.03, 0.2, 0.0001]
    np.testing.assert_allclose(holm(p), pingouin.multicomp(p, method="holm")[1])


def test_every_two_methods_are_compared() -> None:
    found = comparisons({name: predictions(seed=n) for n, name in enumerate("abc")}, 100, 0)
    assert [(each["first"], each["second"]) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(each["patients"][OVERALL]["p_holm"] >= each["patients"][OVERALL]["p"] for each in found)


def test_a_planted_bias_is_found_with_its_limits() -> None:
    found = bland_altman(predictions(0.5, bias=0.8, patients=60, each=60), TIMES, 0)
    for c, of in enumerate(found.values()):
        assert of["bias"] == pytest.approx(0.8 * SPREAD[c], rel=0.05)
        assert of["high"] - of["low"] == pytest.approx(2 * 1.96 * 0.5 * SPREAD[c], rel=0.05)
        assert of["bias_ci_low"] < of["bias"] < of["bias_ci_high"]


def test_estimates_drawn_to_the_middle_have_a_negative_slope() -> None:
    given = predictions(0.1)
    drawn = (given.estimate + given.label.mean(axis=0)) / 2
    shrunk = replace(given, estimate=drawn.astype(np.float32), low=None, high=None)
    difference = (shrunk.estimate - shrunk.label)[:, 1].astype(np.float64)
    mean = (shrunk.estimate + shrunk.label)[:, 1].astype(np.float64) / 2
    found = bland_altman(shrunk, TIMES, 0)["Tb.Th"]["slope"]
    assert found == pytest.approx(stats.linregress(mean, difference).slope, rel=1e-3)
    assert found < -0.5


@pytest.mark.parametrize(("half_width", "share"), [(1.645, 0.90), (1.0, 0.683)])
def test_coverage_is_that_of_the_planted_intervals(half_width: float, share: float) -> None:
    found = coverage(predictions(0.5, half_width=half_width, patients=60, each=60), TIMES, 0)
    assert found is not None
    for c, of in enumerate(found.values()):
        assert of["covered"] == pytest.approx(share, abs=0.02)
        assert of["low"] <= of["covered"] <= of["high"]
        assert of["calibrated"] is (share == 0.90)
        assert of["width"] == pytest.approx(2 * half_width * 0.5 * SPREAD[c], rel=1e-3)


def test_coverage_differs_between_patients_who_have_their_own_error() -> None:
    even, uneven = (coverage(predictions(0.5, of_patient=s), TIMES, 0) for s in (0.0, 0.6))
    assert even is not None
    assert uneven is not None
    assert uneven["BV/TV"]["patients_sd"] > 2 * even["BV/TV"]["patients_sd"]
    assert coverage(predictions(half_width=None), TIMES, 0) is None


def test_agreement_falls_with_the_shift_of_the_labels(tmp_path: Path) -> None:
    given = predictions(0.4)
    rng = np.random.default_rng(9)
    away = (SPREAD * rng.normal(size=given.label.shape)).astype(np.float32)
    labels = {float(mm): given.label + np.float32(mm / 5) * away for mm in (15, 0, 5)}
    labels[5.0][:7, 2] = np.nan
    points = shift_curve(given, labels, TIMES)
    assert [point.shift_mm for point in points] == [0.0, 5.0, 15.0]
    assert {point.patches for point in points} == {len(given) - 7}
    overall = [point.icc21[OVERALL]["pooled"] for point in points]
    assert overall[0] == pytest.approx(icc_of(0.4), abs=0.03)
    assert overall[0] > overall[1] + 0.1 > overall[2] + 0.2
    shift_picture({"student": points}, tmp_path / "shift.png")
    assert (tmp_path / "shift.png").stat().st_size > 10_000


def test_labels_that_do_not_fit_are_named() -> None:
    with pytest.raises(SettingsError, match="labels at 2 mm are"):
        shift_curve(predictions(), {2.0: np.zeros((3, 4), np.float32)})
    with pytest.raises(SettingsError, match="no patch"):
        shift_curve(predictions(), {2.0: np.full_like(predictions().label, np.nan)})


def test_the_command_writes_tables_figures_and_pictures(tmp_path: Path) -> None:
    write(tmp_path / "radiomics", predictions(0.9, seed=1, half_width=None))
    write(tmp_path / "student", predictions(0.4, seed=2))
    out = tmp_path / "out"
    folders = [str(tmp_path / name) for name in ("radiomics", "student")]
    result = RUNNER.invoke(app, ["evaluate", "regression", *folders, "--out", str(out), "--times", "100"])
    assert result.exit_code == 0, result.output
    figures = json.loads((out / "evaluation.json").read_text())
    text = (out / "table5.txt").read_text()
    for name in ("radiomics", "student"):
        overall = figures["methods"][name]["icc21"]["overall"]
        assert f"{overall['mean']:.3f} ± {overall['sd']:.3f}" in text
    assert "0.742 ± 0.046" in text
    assert figures["methods"]["radiomics"]["coverage"] is None
    assert figures["comparisons"][0]["icc21"]["overall"]["high"] < 0.0
    assert {path.name for path in out.glob("*.png")} == {
        *(f"{kind}-{name}.png" for kind in ("scatter", "bland-altman") for name in ("radiomics", "student")),
        "coverage.png",
    }


def test_methods_of_other_patches_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "cnn", predictions())
    write(tmp_path / "student", predictions(patients=29))
    folders = [str(tmp_path / name) for name in ("cnn", "student")]
    result = RUNNER.invoke(app, ["evaluate", "regression", *folders, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    said = result.output.replace("\n", " ")
    assert "cnn and student cannot be compared" in said
    assert "P029-R" in said


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for part in "ab":
        write(tmp_path / part / "cnn", predictions())
    folders = [str(tmp_path / part / "cnn") for part in "ab"]
    result = RUNNER.invoke(app, ["evaluate", "regression", *folders])
    assert result.exit_code == 2
    assert "two folders are called cnn" in result.output.replace("\n", " ")


def test_radiomics_without_patches_tells_the_way(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["radiomics", "--patches", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "ctsma-train patches" in result.output.replace("\n", " ")
