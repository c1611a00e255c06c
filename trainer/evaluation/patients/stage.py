"""Tables 6 and 7: every method's answers through one aggregator, and one method's through every aggregator.

Five folds by patient. The parameters of a knee are of networks that never saw its patient; an aggregator is
trained on the knees of the other folds and, where they are given, on drawn knees with that method's errors on
those folds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ctsma_node.errors import SettingsError
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import F64, Knees, measured_knees, together
from trainer.aggregation.models import Kind
from trainer.aggregation.stage import errors_of
from trainer.aggregation.training import Training, fit_predict
from trainer.evaluation.patients.figures import (
    NORMAL,
    ROWS,
    auc,
    auc_draws,
    between,
    figures_of,
    oa_probability,
    two_sided,
)
from trainer.evaluation.patients.paper import PAPER
from trainer.evaluation.regression.predictions import Predictions
from trainer.evaluation.regression.stage import read_methods

SHUFFLES = 20
"""Times that labels are dealt to other knees, to see that nothing leaks."""
EVALUATION, ANSWERS = "evaluation.json", "answers.npz"


@dataclass(frozen=True, eq=False)
class Entry:
    """A column of Table 6 or 7."""

    name: str
    knees: Knees
    laws: Mapping[int, ErrorLaw]
    """Of the method's errors, by the fold whose patients say nothing of them."""
    training: Training


@dataclass(frozen=True, eq=False)
class Answers:
    """Of an entry: class probabilities (n, 3) and cartilage scores (n, 5) of its knees, each unseen."""

    knees: Knees
    p: F64
    scores: F64


def entries(methods: list[Path], patches: Path, kinds: list[Kind], training: Training) -> list[Entry]:
    """Every method through the first kind, and the last method through the others too.

    Raises SettingsError where the methods are not of the same patches, for they are compared knee by knee,
    or no pair has a class and scores.
    """
    seen = {
        name: (measured_knees(patches, each), _laws(each)) for name, each in read_methods(methods).items()
    }
    if not all(len(knees) for knees, _ in seen.values()):
        raise SettingsError(
            f"{patches}: no pair has a KL grade and MOAKS scores; see: ctsma-train cohort --clinical"
        )
    of = [replace(training, kind=kind) for kind in kinds]
    first = [Entry(f"{name}, {of[0].kind}", *each, of[0]) for name, each in seen.items()]
    name, last = next(reversed(seen.items()))
    return first + [Entry(f"{name}, {each.kind}", *last, each) for each in of[1:]]


def _laws(found: Predictions) -> dict[int, ErrorLaw]:
    """By fold, fitted to the others; none where there are no others."""
    folds = found.folds if len(found.folds) > 1 else []
    return {fold: errors_of(found, found.fold != fold) for fold in folds}


def cross_validated(entry: Entry, drawn: Knees | None, say: Callable[[int], None]) -> Answers:
    """Answers to every knee of an entry; `say` is told the folds that are done."""
    knees = entry.knees
    folds = np.unique(knees.fold)
    if len(folds) < 2:
        raise SettingsError("the knees are of one fold: cross-validation takes two at least")
    p, scores = np.full((len(knees), 3), np.nan), np.full(knees.cartilage.shape, np.nan)
    for number, fold in enumerate(folds):
        test = knees.fold == fold
        others = knees.at(~test)
        known = others if drawn is None else together([drawn, others])
        p[test], scores[test] = fit_predict(known, entry.laws[int(fold)], knees.at(test), entry.training)
        say(number + 1)
    return Answers(knees, p, scores)


def shuffled_auc(entry: Entry, times: int, seed: int) -> list[float]:
    """AUC on labels that were dealt to other knees, `times` over: 0.5 on average where nothing leaks.

    By the preprint's SVM, which takes no time, trained on measured knees only: drawn ones keep their labels,
    and would teach.
    """
    rng = np.random.default_rng([seed, 91])
    training = replace(entry.training, kind=Kind.SVM)
    found = []
    for _ in range(times):
        order = rng.permutation(len(entry.knees))
        dealt = replace(
            entry.knees, oa_class=entry.knees.oa_class[order], cartilage=entry.knees.cartilage[order]
        )
        answers = cross_validated(replace(entry, knees=dealt, training=training), None, lambda _: None)
        found.append(auc(oa_probability(answers.p), dealt.oa_class > NORMAL))
    return found


def evaluate(found: dict[str, Answers], times: int, seed: int) -> dict[str, Any]:
    """Every figure: pooled, mean and SD over folds, and the AUC's intervals and differences."""
    drawn = {name: auc_draws(each.p, each.knees, times, seed) for name, each in found.items()}
    pooled = {name: figures_of(each.p, each.scores, each.knees) for name, each in found.items()}
    by_fold = {name: _by_fold(each) for name, each in found.items()}
    return {
        "paper": PAPER,
        "bootstrap": {"over": "patients", "times": times, "seed": seed},
        "entries": {
            name: {
                "pooled": pooled[name],
                "auc_interval": between(drawn[name]),
                "folds": {row: _spread([f[row] for f in by_fold[name]]) for row in ROWS},
            }
            for name in found
        },
        "comparisons": [
            {"first": first, "second": second, "auc": pooled[first]["auc"] - pooled[second]["auc"]}
            | _compared(first, second, drawn, by_fold)
            for n, first in enumerate(found)
            for second in list(found)[n + 1 :]
        ],
    }


def write(out: Path, found: dict[str, Answers], figures: dict[str, Any]) -> None:
    """Write `out`/evaluation.json and answers.npz."""
    out.mkdir(parents=True, exist_ok=True)
    (out / EVALUATION).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    arrays: dict[str, Any] = {}
    for name, each in found.items():
        arrays |= {f"{name}: p": each.p, f"{name}: scores": each.scores}
    first = next(iter(found.values())).knees
    np.savez_compressed(
        out / ANSWERS, name=first.name, oa_class=first.oa_class, cartilage=first.cartilage, **arrays
    )


def _by_fold(answers: Answers) -> list[dict[str, float]]:
    out = []
    for fold in np.unique(answers.knees.fold):
        mine = answers.knees.fold == fold
        out.append(figures_of(answers.p[mine], answers.scores[mine], answers.knees.at(mine)))
    return out


def _spread(values: list[float]) -> dict[str, float]:
    """Over the folds that can tell: NaN where none can, and no SD of one."""
    told = np.array([value for value in values if np.isfinite(value)])
    return {
        "mean": float(told.mean()) if len(told) else float("nan"),
        "sd": float(told.std(ddof=1)) if len(told) > 1 else float("nan"),
    }


def _compared(
    first: str, second: str, drawn: dict[str, F64], by_fold: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """How sure the first's AUC less the second's is: by bootstrap, and the paper's paired t-test over folds.

    A fold with one class only has no AUC, and no say.
    """
    apart = drawn[first] - drawn[second]
    both = np.array([[f["auc"] for f in by_fold[name]] for name in (first, second)])
    pairs = both[:, np.isfinite(both).all(axis=0)]
    p_folds = float(stats.ttest_rel(*pairs).pvalue) if pairs.shape[1] > 1 else float("nan")
    return {
        "interval": between(apart),
        "p": two_sided(apart),
        "p_folds": p_folds,
    }
