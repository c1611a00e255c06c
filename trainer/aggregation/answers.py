"""What a bundle answers about scans that it has never seen, to train another aggregator for its student."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.analysis.bundle import MANIFEST
from ctsma_node.analysis.plan import DEFAULT
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import CartilageRegion, KneeResult, OAClass, Parameter
from ctsma_node.errors import Refused, SettingsError
from trainer.aggregation.cohort import knee_scene
from trainer.aggregation.errors import ErrorLaw, fit_errors
from trainer.aggregation.knees import Knees, canonical_places
from trainer.phantom.acquisition import draw_acquisition
from trainer.phantom.ct import render_ct
from trainer.phantom.knee import Knee
from trainer.phantom.truth import patch_parameters

STUDENT, BONES = "student", "bones"
"""The files beside the answers that say whose they are, and by which finder and segmenter."""
_LEAST = 10
"""Knees that a law of errors is fitted to."""


@dataclass(frozen=True)
class ScanAnswers:
    """Scans a drawn knee as a hospital may and has a bundle analyse it; a value, to be sent to a process."""

    bundle: Path | None

    def __call__(self, seed: int) -> dict[str, Any]:
        """`values` and `truth` (200, 4), `positions` (200, 3) mm, `oa_class`, `cartilage` (5,).

        Of a refused scan `values`, `truth` and `positions` are empty.
        """
        scene = knee_scene(seed)
        drawn = scene.knees[0]
        about = {
            "oa_class": np.array(tuple(OAClass).index(drawn.oa_class)),
            "cartilage": np.array([drawn.cartilage[r] for r in CartilageRegion]),
        }
        try:
            result = _analyser(self.bundle).analyse(render_ct(scene, draw_acquisition(seed, scene)))
        except Refused:
            return about | dict.fromkeys(("values", "truth", "positions"), np.empty((0, 3)))
        return about | _answer(result.knees[0], drawn)


@cache
def _analyser(bundle: Path | None) -> Analyser:
    return Analyser.load(bundle, device="cpu")


def _answer(found: KneeResult, drawn: Knee) -> dict[str, Any]:
    centres = np.array([each.centre for each in found.subregions])
    places = zip(found.subregions, centres, strict=True)
    return {
        "values": np.array([[each.values[p].value for p in Parameter] for each in found.subregions]),
        "truth": np.array([patch_parameters(drawn, each.bone, at[None])[0] for each, at in places]),
        "positions": canonical_places(centres, found.side),
    }


def student_of(bundle: Path | None) -> str:
    """sha256 of the student's weights in a bundle; the default one without a folder."""
    return _weights(bundle, "student")


def claim_answers(folder: Path, bundle: Path | None) -> None:
    """Say in a folder that its answers are this bundle's. Raises SettingsError as `check_student` does."""
    check_student(folder, bundle)
    folder.mkdir(parents=True, exist_ok=True)
    for name, weights in _whose(bundle).items():
        (folder / name).write_text(weights, encoding="ascii")


def check_student(folder: Path, bundle: Path | None) -> None:
    """Raises SettingsError where a folder's answers are known to be another student's than the bundle's, or
    to be about bones that another segmenter found."""
    for name, weights in _whose(bundle).items():
        known = folder / name
        if known.is_file() and known.read_text(encoding="ascii") != weights:
            other = "another student" if name == STUDENT else "a bundle with another segmenter"
            raise SettingsError(f"{folder} holds what {other} answered: delete it, or name another folder")


def _whose(bundle: Path | None) -> dict[str, str]:
    """What answers depend on, by the file that keeps it."""
    bones = _weights(bundle, "finder") + _weights(bundle, "segmenter")
    return {STUDENT: student_of(bundle), BONES: bones}


def _weights(bundle: Path | None, network: str) -> str:
    manifest = json.loads(((bundle or DEFAULT) / MANIFEST).read_text(encoding="utf-8"))
    return str(manifest["files"][f"{network}.safetensors"]["sha256"])


def answered_knees(paths: list[Path]) -> tuple[Knees, ErrorLaw]:
    """The knees as they were answered, and the law of the errors; refused ones are left out.

    Raises SettingsError where too few are left to fit a law to.
    """
    items = [(dict(np.load(path)), path.stem) for path in paths]
    told = [(item, name) for item, name in items if len(item["values"])]
    if len(told) < _LEAST:
        raise SettingsError(f"{len(told)} of {len(paths)} scans were answered: ask about {_LEAST} or more")
    values, truth = (np.stack([item[name] for item, _ in told]) for name in ("values", "truth"))
    known = np.isfinite(truth).all(axis=2)
    subjects = np.broadcast_to(np.arange(len(told))[:, None], known.shape)
    knees = Knees(
        parameters=values.astype(np.float64),
        positions=np.stack([item["positions"] for item, _ in told]),
        oa_class=np.array([int(item["oa_class"]) for item, _ in told]),
        cartilage=np.stack([item["cartilage"] for item, _ in told]).astype(np.float64),
        measured=np.ones(len(told), dtype=bool),
        fold=np.full(len(told), -1),
        name=np.array([name for _, name in told]),
    )
    return knees, fit_errors(values[known], truth[known], subjects[known])
