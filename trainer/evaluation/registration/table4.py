"""The figures of an evaluation: TRE by method with the paper's, syntheses, seconds, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from trainer.evaluation.registration.methods import ANTS, TEXTURE

PAPER = {
    "ANTs rigid": "13.56 ± 8.41 (11.72 to 15.40)",
    "ANTs + SPSNet": "8.06 ± 4.98 (6.97 to 9.15)",
    "ANTs + SPSNet + bone-wise": "3.67 ± 2.43 (3.14 to 4.20)",
}
"""Table 4 of the paper, overall registration: TRE in mm, mean and SD over 80 patients, 95 % CI."""
PAPER_SYNTHESES = {"CycleGAN": "6.70 ± 4.22", "MUNIT": "4.03 ± 2.81", "SPSNet": "2.93 ± 1.75"}
"""Table 4 of the paper, synthesis: TRE in mm, mean and SD."""
REFERENCE = "SPSNet"
_SAFE_MM = 3.0
"""No pair further off than this may be registered."""


def summary(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures over evaluated pairs: each counts once, with the mean over its landmarks, as in the paper."""
    names = list(pairs[0]["tre_mm"])
    means = {name: np.array([np.mean(pair["tre_mm"][name]) for pair in pairs]) for name in names}
    largest = {name: max(max(pair["tre_mm"][name]) for pair in pairs) for name in names}
    timed = sorted({name for pair in pairs for name in pair["seconds"]})
    estimates = np.array([pair["quality"]["error_mm"] for pair in pairs])
    refused = [pair["quality"]["code"] for pair in pairs if pair["quality"]["code"]]
    registered = np.array([not pair["quality"]["code"] for pair in pairs])
    return {
        "pairs": len(pairs),
        "paper": PAPER,
        "paper_syntheses": PAPER_SYNTHESES,
        "methods": {
            name: {**_figures(means[name], means[ANTS]), "largest_landmark": float(largest[name])}
            for name in names
        },
        "syntheses": _syntheses(pairs),
        "seconds": {name: _spread([pair["seconds"][name] for pair in pairs]) for name in timed},
        "estimated_error_mm": {
            **_spread(estimates),
            "pairs_within_twice": int((means[TEXTURE] <= 2.0 * estimates).sum()),
        },
        "right_pairs_refused": refused,
        "pairs_beyond_3_mm_registered": int((registered & (means[TEXTURE] > _SAFE_MM)).sum()),
        "wrong_pairs": [pair["wrong"] for pair in pairs],
        "wrong_pairs_registered": sum(not pair["wrong"]["code"] for pair in pairs),
    }


def _syntheses(pairs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How far each synthesis moves landmarks; compared with SPSNet where that is among them."""
    names = list(pairs[0]["syntheses"])
    means = {
        name: np.array([np.mean(pair["syntheses"][name]["errors_mm"]) for pair in pairs]) for name in names
    }
    return {
        name: {
            **_figures(means[name], means.get(REFERENCE, means[name])),
            "correlation": float(
                np.mean([np.mean(pair["syntheses"][name]["correlation"]) for pair in pairs])
            ),
            **{
                f"overlap_{bone}": float(
                    np.mean([pair["syntheses"][name]["overlap"][bone] for pair in pairs])
                )
                for bone in ("femur", "tibia")
            },
        }
        for name in names
    }


def _figures(means: Any, baseline: Any) -> dict[str, float]:
    """Mean, SD, 95 % CI, median, and the p of a paired t-test against the baseline (1 for itself)."""
    # A difference that is the same for every pair has no t.
    different = len(means) > 1 and float(np.ptp(means - baseline)) > 1e-9
    low, high = _interval(means)
    return {
        "mean": float(means.mean()),
        "sd": float(means.std(ddof=1)) if len(means) > 1 else 0.0,
        "ci_low": low,
        "ci_high": high,
        "median": float(np.median(means)),
        "largest_pair": float(means.max()),
        "p": float(stats.ttest_rel(means, baseline).pvalue) if different else 1.0,
    }


def _interval(values: Any) -> tuple[float, float]:
    """95 % confidence interval of a mean, by Student's t."""
    if len(values) < 2:
        return float(values.mean()), float(values.mean())
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _spread(values: Any) -> dict[str, float]:
    array = np.asarray(values, dtype=np.float64)
    return {"mean": float(array.mean()), "median": float(np.median(array)), "max": float(array.max())}
