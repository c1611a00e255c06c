"""Which method measures trabeculae on MR: agreement with truth, and of two scans of the same knee."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from trainer.evaluation.icc import icc21_of
from trainer.morphometry.autocorrelation import Autocorrelation, plate_of_autocorrelation
from trainer.morphometry.calibration import Calibration, shipped
from trainer.morphometry.comparison import METHODS, REFERENCES, compare
from trainer.morphometry.fitting import marrow_at_patches
from trainer.morphometry.parameters import NAMES
from trainer.morphometry.samples import maker
from trainer.stage import make_items, write_manifest

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

AUTOCORRELATION = "autocorrelation"
FOLDS = 5
_TINY = 1e-3


def run(seeds: Sequence[int], difficulty: str, folder: Path, jobs: int) -> dict[str, Any]:
    """Scan each phantom twice, measure its patches by every method; figures, kept as `folder/figures.json`.

    The figures of `autocorrelation` are those of the calibration that ships, fitted on other subjects; each
    other method has a log-polynomial of its own four apparent numbers, fitted on the subjects of the other
    folds.
    """
    items = [2 * seed + visit for seed in seeds for visit in (0, 1)]
    paths = make_items("visits", maker(compare, difficulty), items, folder, jobs)
    visits = [labelled(dict(np.load(path)), shipped()) for path in paths]
    figures = agreement(visits[::2], visits[1::2])
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    write_manifest(folder, {"seeds": list(seeds), "difficulty": difficulty})
    return figures


def labelled(visit: dict[str, Any], law: Calibration) -> dict[str, Any]:
    """`visit` with the apparent and the calibrated rows (n, 4) of the autocorrelation."""
    out = dict(visit)
    for bone in Bone:
        marrow = marrow_at_patches(visit, str(bone), law)
        patches = [Autocorrelation.of_row(row) for row in visit[f"{bone}_patches"]]
        scaled = [one.scaled(1.0 / level) for one, level in zip(patches, marrow, strict=True)]
        out[f"{bone}_{AUTOCORRELATION}"] = np.stack(
            [plate_of_autocorrelation(one).as_row() for one in scaled]
        )
        out[f"{bone}_labels"] = np.stack([law.estimate(one) for one in scaled])
    return out


def agreement(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures by method, parameter and marrow reference, from the arrays of two visits."""
    truth, subject = _column(first, "truth")
    subject_again = _column(second, "truth")[1]
    figures: dict[str, Any] = {"subjects": len(first), "patches": len(truth), "methods": {}, "references": {}}
    for name in (AUTOCORRELATION, *METHODS):
        raw, raw_again = _column(first, name)[0], _column(second, name)[0]
        if name == AUTOCORRELATION:
            final, final_again = _column(first, "labels")[0], _column(second, "labels")[0]
        else:
            final, final_again = _calibrated(raw, truth, subject, raw_again, subject_again)
        pairs = _same_patches(first, second)
        figures["methods"][name] = {
            parameter: _figures(
                raw[:, c], final[:, c], truth[:, c], final[pairs[0], c], final_again[pairs[1], c]
            )
            for c, parameter in enumerate(NAMES)
        }
    for name in REFERENCES:
        known = _column(first, name)[0]
        figures["references"][name] = {"r": _r(known, truth[:, 0]), "icc": _icc(known, truth[:, 0])}
    return figures


def _figures(raw: F64, final: F64, truth: F64, once: F64, twice: F64) -> dict[str, float]:
    """r and ICC(2,1) with truth, apparent and calibrated; ICC(2,1) and RMS-CV of two visits."""
    return {
        "apparent_r": _r(raw, truth),
        "apparent_icc": _icc(raw, truth),
        "r": _r(final, truth),
        "icc": _icc(final, truth),
        "retest_icc": _icc(once, twice),
        "retest_cv": rms_cv(once, twice),
        "measured": float(np.isfinite(raw).mean()),
    }


def rms_cv(once: F64, twice: F64) -> float:
    """Root mean square coefficient of variation of two scans (Glueer et al. 1995, Osteoporos Int 5)."""
    known = np.isfinite(once) & np.isfinite(twice)
    a, b = once[known], twice[known]
    return float(np.sqrt(np.mean(2.0 * ((a - b) / (a + b)) ** 2)))


def _column(visits: Sequence[dict[str, Any]], name: str) -> tuple[Any, I64]:
    """One array over all visits and bones, and the visit each row is of."""
    rows = [np.concatenate([visit[f"{bone}_{name}"] for bone in Bone]) for visit in visits]
    return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(part) for part in rows])


def _same_patches(
    first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]
) -> tuple[list[int], list[int]]:
    """Rows of the two visits that are the same point of the same bone."""
    places = [
        {
            (n, bone, int(number)): None
            for n, visit in enumerate(visits)
            for bone in Bone
            for number in visit[f"{bone}_numbers"]
        }
        for visits in (first, second)
    ]
    rows = [{place: row for row, place in enumerate(one)} for one in places]
    both = [place for place in rows[0] if place in rows[1]]
    return [rows[0][place] for place in both], [rows[1][place] for place in both]


def _calibrated(raw: F64, truth: F64, subject: I64, raw_again: F64, subject_again: I64) -> tuple[F64, F64]:
    """Each subject's patches by the fit to the subjects of the other folds, for both visits."""
    out, again = np.full_like(truth, np.nan), np.full((len(raw_again), truth.shape[1]), np.nan)
    terms, terms_again = _terms(raw), _terms(raw_again)
    for fold in range(FOLDS):
        known = (subject % FOLDS != fold) & np.isfinite(terms).all(axis=1)
        fit = np.linalg.lstsq(terms[known], np.log(truth[known]), rcond=1e-6)[0]
        held, held_again = subject % FOLDS == fold, subject_again % FOLDS == fold
        out[held] = np.exp(terms[held] @ fit)
        again[held_again] = np.exp(terms_again[held_again] @ fit)
    return out, again


def _terms(raw: F64) -> F64:
    """(n, 9): 1, the logarithms of the four apparent numbers and their squares."""
    log = np.log(np.maximum(raw, _TINY))
    return np.concatenate([np.ones((len(raw), 1)), log, log**2], axis=1)


def _r(a: F64, b: F64) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[known], b[known])[0, 1])


def _icc(a: F64, b: F64) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return icc21_of(a[known], b[known])
