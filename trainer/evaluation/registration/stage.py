"""The evaluation of registration, pair by pair: every method's error, seconds, verdicts, a wrong pair."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import CTVolume
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry
from trainer.evaluation.registration.displacement import displacement
from trainer.evaluation.registration.errors import Landmarks, read_landmarks, target_errors
from trainer.evaluation.registration.methods import (
    ANTS,
    TEXTURE,
    Stopwatch,
    by_synthesis,
    printed,
    without_synthesis,
)
from trainer.evaluation.registration.picture import write_picture
from trainer.evaluation.registration.wrong_pairs import OTHER_PATIENT, WRONG, made_wrong
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms, read_transforms
from trainer.registration.bonewise import register
from trainer.registration.diagnosis import diagnosed
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.quality import Limits, judge
from trainer.stage import side_by_side
from trainer.synthesis.refined import ByWayOfCT
from trainer.synthesis.synthesise import WEIGHTS, Synthesiser

PAIRS, PICTURES = "pairs", "pictures"


@dataclass(frozen=True)
class EvaluationRequest:
    """The archive with its cohort.json, the folder of PSEUDONYM/truth.json, and where the figures go."""

    archive: Path
    cohort: Path
    truth: Path
    out: Path
    bundle: Path | None = None
    syntheses: tuple[Path, ...] = ()
    """Folders of trained syntheses."""
    jobs: int = 1

    def models(self) -> dict[str, str]:
        """Folder and digest of each synthesis' weights: figures of others are not taken for these."""
        return {
            folder.name: hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
            for folder in self.syntheses
        }


def unseen(request: EvaluationRequest, pairs: list[PairEntry]) -> list[PairEntry]:
    """The pairs that none of the syntheses was trained on."""
    held_out = [set(Synthesiser.load(folder).settings.held_out) for folder in request.syntheses]
    return [pair for pair in pairs if all(pair.fold in folds for folds in held_out)]


def run(request: EvaluationRequest, pairs: list[PairEntry]) -> Iterator[dict[str, Any]]:
    """Evaluate each pair; its figures are kept as `out`/pairs/PAIR.json and not made again.

    Beside the right pair, its MR is made a wrong one in the way that its place in the list says (`WRONG`):
    another patient's, mirrored, cropped.
    """
    for folder in (PAIRS, PICTURES):
        (request.out / folder).mkdir(parents=True, exist_ok=True)
    models = request.models()
    missing = []
    for n, pair in enumerate(pairs):
        kept = _kept(request, pair)
        if kept and kept["models"] == models:
            yield kept
        else:
            missing.append((pair, pairs[(n + 1) % len(pairs)], WRONG[n % len(WRONG)]))
    yield from side_by_side(partial(_evaluate, request=request), missing, request.jobs)


@dataclass(frozen=True, eq=False)
class _Scans:
    """A pair as the methods get it, and what is known of it."""

    knee: CTKnee
    mr: MRVolume
    truth: Transforms
    landmarks: Landmarks


def _evaluate(item: tuple[PairEntry, PairEntry, str], request: EvaluationRequest) -> dict[str, Any]:
    pair, other, wrong = item
    scans = _read(pair, request)
    knee, mr = scans.knee, scans.mr
    _compiled(knee, mr)
    watch = Stopwatch()
    pose = watch.timed(TEXTURE, lambda: register(knee, mr))
    quality = diagnosed(judge(pose, Limits()), pose, knee, mr, Limits())
    found = without_synthesis(knee, mr, pose, watch)
    syntheses, ways = _synthesised(scans, found, request, watch)
    write_picture(knee, mr, found, ways, request.out / PICTURES / f"{pair.pair_id}.png")
    wrong_mr = read_mr(other.mr, request.archive) if wrong == OTHER_PATIENT else made_wrong(mr, wrong)
    content = {
        "pair_id": pair.pair_id,
        "models": request.models(),
        "tre_mm": {name: target_errors(each, scans.landmarks) for name, each in found.items()},
        "syntheses": syntheses,
        "seconds": watch.seconds,
        "quality": asdict(quality),
        "wrong": {"kind": wrong, **_verdict(knee, wrong_mr)},
    }
    _path(request, pair).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def _read(pair: PairEntry, request: EvaluationRequest) -> _Scans:
    knee = knee_of(read_ct(pair.ct, request.archive), Side(pair.side), _analyser(request.bundle))
    truth = read_transforms(request.truth, pair)
    if truth is None:
        raise FileNotFoundError(f"{request.truth}: no truth of the pair {pair.pair_id}; name it with --truth")
    landmarks = read_landmarks(request.truth / pair.pseudonym / "truth.json")
    return _Scans(knee, read_mr(pair.mr, request.archive), truth, landmarks)


def _synthesised(
    scans: _Scans, found: dict[str, Transforms], request: EvaluationRequest, watch: Stopwatch
) -> tuple[dict[str, Any], dict[str, ByWayOfCT]]:
    """Figures of each synthesis, and what it led to; the transforms go into `found`."""
    coarse = found[ANTS][Bone.FEMUR]
    ct = CTVolume(scans.knee.hu, scans.knee.affine)
    syntheses, ways = {}, {}
    for folder in request.syntheses:
        model = _model(folder)
        name = printed(model.settings)
        ways[name], transforms = by_synthesis(
            scans.knee, scans.mr, coarse, model, _analyser(request.bundle), watch
        )
        found.update(transforms)
        moved = displacement(ct, ways[name].sct, coarse, scans.truth, scans.landmarks)
        syntheses[name] = {**asdict(moved), "overlap": ways[name].overlap}
    return syntheses, ways


def _verdict(knee: CTKnee, mr: MRVolume) -> dict[str, str]:
    pose = register(knee, mr)
    quality = diagnosed(judge(pose, Limits()), pose, knee, mr, Limits())
    return {"verdict": quality.verdict, "code": quality.code, "reason": quality.reason}


def _path(request: EvaluationRequest, pair: PairEntry) -> Path:
    return request.out / PAIRS / f"{pair.pair_id}.json"


def _kept(request: EvaluationRequest, pair: PairEntry) -> dict[str, Any] | None:
    path = _path(request, pair)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


_COMPILED: list[bool] = []


def _compiled(knee: CTKnee, mr: MRVolume) -> None:
    """A process compiles its kernels before the first pair is timed; ANTs gets one thread as ours have."""
    os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")
    if not _COMPILED:
        register(knee, mr)
        _COMPILED.append(True)


@cache
def _analyser(bundle: Path | None) -> Analyser:
    """One for each process."""
    return Analyser.load(bundle, device="cpu", threads=1)


@cache
def _model(folder: Path) -> Synthesiser:
    return Synthesiser.load(folder)
