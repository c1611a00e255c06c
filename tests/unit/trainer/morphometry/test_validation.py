from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from trainer.morphometry.autocorrelation import Autocorrelation
from trainer.morphometry.calibration import shipped
from trainer.morphometry.comparison import METHODS, REFERENCES
from trainer.morphometry.fitting import fit, marrow_at_patches
from trainer.morphometry.parameters import NAMES
from trainer.morphometry.samples import samples_of, statistics_of
from trainer.morphometry.validation import AUTOCORRELATION, agreement, labelled, rms_cv
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.person import draw_people
from trainer.phantom.subject import draw_subject


def visits(count: int, seed: int) -> list[dict[str, Any]]:
    """Arrays as `compare` makes them: apparent numbers are roots of the truth, labels truth with noise."""
    drawn = []
    for subject in range(count):
        same, own = np.random.default_rng(subject), np.random.default_rng((subject, seed))
        arrays: dict[str, Any] = {}
        for bone in Bone:
            truth = np.exp(same.normal(np.log([0.2, 0.24, 0.7, 1.1]), 0.2, (30, 4)))
            keep = np.sort(own.permutation(30)[:24])
            truth = truth[keep]
            arrays |= {f"{bone}_numbers": keep, f"{bone}_truth": truth}
            arrays |= {f"{bone}_labels": truth * np.exp(own.normal(0.0, 0.02, truth.shape))}
            noisy = truth**0.5 * np.exp(own.normal(0.0, 0.02, truth.shape))
            arrays |= {f"{bone}_{name}": noisy for name in (AUTOCORRELATION, *METHODS)}
            arrays |= {f"{bone}_{name}": 0.5 * truth[:, 0] for name in REFERENCES}
        drawn.append(arrays)
    return drawn


def test_agreement_tells_apparent_from_calibrated() -> None:
    figures = agreement(visits(6, 1), visits(6, 2))
    for name in NAMES:
        other = figures["methods"]["plate, grey levels"][name]
        assert other["apparent_r"] > 0.9
        assert other["apparent_icc"] < 0.8  # another scale
        assert other["icc"] > 0.9
        assert other["retest_icc"] > 0.9
        assert figures["methods"][AUTOCORRELATION][name]["retest_cv"] == pytest.approx(0.02, rel=0.3)
    assert figures["references"]["N4"]["r"] == pytest.approx(1.0)
    assert figures["references"]["N4"]["icc"] < 0.6


def test_a_patch_that_was_not_measured_costs_no_other() -> None:
    first = visits(6, 1)
    first[0]["femur_plate, grey levels"][:5] = np.nan
    figures = agreement(first, visits(6, 2))["methods"]["plate, grey levels"]["Tb.Th"]
    assert figures["measured"] == pytest.approx(1.0 - 5 / (6 * 48))
    assert figures["icc"] > 0.9


def test_rms_cv_of_a_known_spread() -> None:
    rng = np.random.default_rng(0)
    once, twice = (np.exp(rng.normal(0.0, 0.05, 4000)) for _ in range(2))
    assert rms_cv(once, twice) == pytest.approx(0.05, rel=0.05)


@pytest.fixture(scope="module")
def scanned() -> dict[str, Any]:
    """A knee in few slices, without a coil's fall-off."""
    subject = draw_subject(draw_people(80, 1)[5], 77, DIFFICULTIES["easy"])
    few = replace(subject.mr_acquisition, slices=28, bias=0.0)
    return statistics_of(samples_of(replace(subject, mr_acquisition=few)))


def test_a_fit_recovers_the_patches_of_a_phantom_it_was_fitted_on(scanned: dict[str, Any]) -> None:
    calibration = fit([scanned], {})
    marrow = marrow_at_patches(scanned, "femur", calibration)
    rows = [Autocorrelation.of_row(row) for row in scanned["femur_patches"]]
    found = np.array([calibration.estimate(a.scaled(1.0 / m)) for a, m in zip(rows, marrow, strict=True)])
    truth = scanned["femur_truth"]
    for c, least in enumerate((0.95, 0.9, 0.8, 0.6)):
        assert np.corrcoef(found[:, c], truth[:, c])[0, 1] > least
    assert np.std(np.log(marrow)) < 0.03  # flat, as the coil was


def test_the_shipped_calibration_serves_a_phantom_it_has_not_seen(scanned: dict[str, Any]) -> None:
    found = labelled(scanned, shipped())
    for bone in Bone:
        error = np.abs(found[f"{bone}_labels"] / scanned[f"{bone}_truth"] - 1.0)
        assert (np.median(error, axis=0) < [0.15, 0.10, 0.12, 0.10]).all()
        apparent = found[f"{bone}_{AUTOCORRELATION}"]
        assert np.corrcoef(apparent[:, 0], scanned[f"{bone}_truth"][:, 0])[0, 1] > 0.9


def test_a_patch_unlike_any_that_was_fitted_stays_within_bounds() -> None:
    dark_noise = Autocorrelation(0.4, 1e-9, np.full(5, 1e6), -1e6)
    found = shipped().estimate(dark_noise)
    assert (found > [0.02, 0.05, 0.2, 0.4]).all()
    assert (found < [0.9, 0.6, 2.0, 2.5]).all()
