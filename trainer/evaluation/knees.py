"""The whole analysis on phantoms of unseen seeds, beside their truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ctsma_node.analysis.grid import AIR, SIZE
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, KneeResult, OAClass, Parameter, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import apply
from trainer.evaluation.icc import icc21_of
from trainer.phantom.acquisition import draw_acquisition
from trainer.phantom.ct import label_on, render_ct
from trainer.phantom.scene import Scene, draw_scene
from trainer.phantom.truth import patch_parameters
from trainer.segmentation.training import dice

_SIDES = ((Side.RIGHT,), (Side.LEFT,), (Side.RIGHT, Side.LEFT))


@dataclass(frozen=True)
class KneeScore:
    """One knee's result beside its truth; `estimate`, `sd` and `truth` are (200, 4)."""

    seed: int
    side: Side
    side_right: bool
    dice_femur: float
    dice_tibia: float
    estimate: Any
    sd: Any
    truth: Any
    oa_probability: float
    oa_class: OAClass
    seconds: float


@dataclass(frozen=True)
class SceneScore:
    """One field of view: the knees that were found and how many there were; why none was analysed."""

    seed: int
    knees: int
    acquisition: str
    found: tuple[KneeScore, ...]
    refused: str = ""


def score_scene(seed: int, analyser: Analyser, sides: tuple[Side, ...] | None = None) -> SceneScore:
    """Scan a phantom by a random acquisition, analyse it, compare."""
    sides = sides or _SIDES[seed % len(_SIDES)]
    scene = draw_scene(seed, sides)
    acquisition = draw_acquisition(seed, scene)
    volume = render_ct(scene, acquisition)
    title = f"{acquisition.orientation}, {np.round(volume.spacing, 2).tolist()} mm"
    start = time.perf_counter()
    try:
        result = analyser.analyse(volume)
    except Refused as e:
        return SceneScore(seed, len(sides), title, (), str(e))
    seconds = (time.perf_counter() - start) / max(len(result.knees), 1)
    refused = "; ".join(f"{k.side}: {k.code}" for k in result.not_analysed)
    scores = tuple(_score(seed, scene, knee, seconds) for knee in result.knees)
    return SceneScore(seed, len(sides), title, scores, refused)


def _score(seed: int, scene: Scene, result: KneeResult, seconds: float) -> KneeScore:
    middle = apply(result.affine, (np.array(SIZE) - 1) / 2.0)
    n = int(np.argmin([np.linalg.norm(k.placement[:3, 3] - middle) for k in scene.knees]))
    knee = scene.knees[n]
    scanned = result.hu > AIR  # beyond the field of view there is bone, but nothing to see
    overlap = dice(result.bone_labels, label_on(scene, result.affine, SIZE, knee=n) * scanned)
    centres = np.array([s.centre for s in result.subregions])
    truth = [patch_parameters(knee, b, centres[rows]) for b, rows in zip(Bone, _rows(), strict=True)]
    return KneeScore(
        seed=seed,
        side=knee.side,
        side_right=result.side is knee.side,
        dice_femur=overlap[0],
        dice_tibia=overlap[1],
        estimate=_table(result, "value"),
        sd=_table(result, "sd"),
        truth=np.concatenate(truth),
        oa_probability=result.oa_probability,
        oa_class=knee.oa_class,
        seconds=seconds,
    )


def _rows() -> tuple[slice, slice]:
    return slice(0, 100), slice(100, 200)


def _table(result: KneeResult, field: str) -> Any:
    return np.array([[getattr(s.values[p], field) for p in Parameter] for s in result.subregions])


def agreement(knees: list[KneeScore]) -> dict[str, dict[str, float]]:
    """ICC(2,1), mean absolute error and coverage of one standard uncertainty, for each parameter."""
    estimate, truth, sd = (
        np.concatenate([getattr(k, f) for k in knees]) for f in ("estimate", "truth", "sd")
    )
    keep = np.isfinite(truth).all(axis=1)
    estimate, truth, sd = estimate[keep], truth[keep], sd[keep]
    return {
        p.value: {
            "icc21": icc21_of(estimate[:, c], truth[:, c]),
            "mae": float(np.abs(estimate[:, c] - truth[:, c]).mean()),
            "coverage": float((np.abs(estimate[:, c] - truth[:, c]) <= sd[:, c]).mean()),
        }
        for c, p in enumerate(Parameter)
    }
