"""A pair as the methods get it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Side
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry
from trainer.evaluation.registration.errors import Landmarks, read_landmarks
from trainer.evaluation.registration.request import EvaluationRequest
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms, read_transforms
from trainer.registration.knee import CTKnee, knee_of


@dataclass(frozen=True, eq=False)
class Scans:
    """The knee of a pair's CT, its MR, and the truth."""

    knee: CTKnee
    mr: MRVolume
    truth: Transforms
    landmarks: Landmarks


def read_scans(pair: PairEntry, request: EvaluationRequest) -> Scans:
    """Raises FileNotFoundError where the truth of the pair is missing."""
    knee = knee_of(read_ct(pair.ct, request.archive), Side(pair.side), analyser_of(request.bundle))
    truth = read_transforms(request.truth, pair)
    if truth is None:
        raise FileNotFoundError(f"{request.truth}: no truth of the pair {pair.pair_id}; name it with --truth")
    landmarks = read_landmarks(request.truth / pair.pseudonym / "truth.json")
    return Scans(knee, read_mr(pair.mr, request.archive), truth, landmarks)


@cache
def analyser_of(bundle: Path | None) -> Analyser:
    """One for each process."""
    return Analyser.load(bundle, device="cpu", threads=1)
