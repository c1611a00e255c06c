"""How a bundle stages knees in others' shapes: without CTs, and so far more of them than can be scanned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.analysis.result import Bone, OAClass
from ctsma_node.errors import SettingsError
from trainer.aggregation.answers import answered_knees, check_student
from trainer.aggregation.cohort import parameters_of
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import Knees, drawn_knees, together
from trainer.aggregation.training import predict
from trainer.evaluation.patients.figures import figures_of, oa_probability
from trainer.evaluation.shapes.answers import scene_in_shapes
from trainer.phantom.shapes import Shapes, read_shapes
from trainer.phantom.structure import Part
from trainer.phantom.subregions import Template
from trainer.stage import kept_items, make_items

Figures = dict[str, dict[str, float]]
Labels = tuple[tuple[Part, int], ...]

_TIMES = 4
"""Draws of the student's errors for each knee."""
_SHOWN = ("knees", "auc", "f1", "severity_auc", "mae", "r2", "total_r2", "ece")


@dataclass(frozen=True)
class KneesInShapes:
    """Makes one knee's true parameters in the files' shapes by turns; a value, to be sent to a process."""

    files: tuple[Path, ...]
    labels: Labels
    left: bool
    templates: dict[Bone, Template]

    @property
    def digest(self) -> str:
        """Of all that a seed's knee depends on: what the files hold, not what they are called."""
        content = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.files]
        made_of = (content, self.labels, self.left, sorted(self.templates.items()))
        return hashlib.sha256(repr(made_of).encode()).hexdigest()

    def __call__(self, seed: int) -> dict[str, Any]:
        """As `parameters_of`."""
        shapes = _shapes(self.files[seed % len(self.files)], self.labels, self.left)
        return parameters_of(scene_in_shapes(seed, shapes), self.templates)


@cache
def _shapes(path: Path, labels: Labels, left: bool) -> Shapes:
    return read_shapes(path, dict(labels), left)


def stage_knees(
    make: KneesInShapes, seeds: Sequence[int], answers: Path, bundle: Path | None, folder: Path, jobs: int
) -> Figures:
    """Figures of the bundle's aggregator by true parameters, and by what its student would have answered.

    `answers` holds what a student answered about scans (`aggregator --asked`): its errors are drawn from
    these. Made knees are kept in `folder`, those of other shapes or subregions apart. Raises SettingsError
    where shapes or answers cannot be used, or the answers are another student's.
    """
    for path in make.files:  # here, where it can be said; each process reads them again
        _shapes(path, make.labels, make.left)
    check_student(answers, bundle)
    found = kept_items(answers)
    if not found:
        raise SettingsError(f"{answers} holds no answers: name the folder of `aggregator --asked`")
    _, law = answered_knees(found)
    kept = folder / make.digest[:12]
    knees = drawn_knees(make_items("knees", make, seeds, kept, jobs))
    return {
        "true parameters": _staged(knees, bundle),
        "with the student's errors": _staged(_answered(knees, law, seeds[0]), bundle),
    }


def _answered(knees: Knees, law: ErrorLaw, seed: int) -> Knees:
    rng = np.random.default_rng([seed, 91])
    return together(replace(knees, parameters=knees.seen(law, rng)) for _ in range(_TIMES))


def _staged(knees: Knees, bundle: Path | None) -> dict[str, float]:
    judge = read_bundle(bundle) if bundle else read_bundle()
    p, scores = predict(judge.aggregator, judge.plan.aggregator, knees)
    found = figures_of(p, scores, knees)
    above = {
        f"above one half, {each.value}": float((oa_probability(p)[knees.oa_class == n] > 0.5).mean())
        for n, each in enumerate(OAClass)
    }
    return {name: found[name] for name in _SHOWN} | above
