"""Target registration error over known landmarks, by method, beside the paper's Table 4; and wrong pairs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import Array, apply
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry
from trainer.mr import MRVolume
from trainer.registration.ants_rigid import ants_rigid
from trainer.registration.bonewise import KneePose, register
from trainer.registration.coarse import joint_centre, middle_of
from trainer.registration.diagnosis import diagnosed
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.moving import LEVELS, averaged
from trainer.registration.quality import Limits, judge
from trainer.registration.rigid import mean_rigid
from trainer.registration.wrong_pairs import OTHER_PATIENT, WRONG, made_wrong
from trainer.stage import side_by_side

SCANNER, CENTRED, ANTS = "scanner coordinates", "fields of view centred", "ANTs rigid"
ANTS_STARTED, START = "ANTs rigid from our start", "global start"
INFORMATION, TEXTURE = "bone-wise, mutual information", "bone-wise, then texture"
METHODS = (SCANNER, CENTRED, ANTS, ANTS_STARTED, START, INFORMATION, TEXTURE)

Transforms = dict[Bone, Array]
T = TypeVar("T")


@dataclass(frozen=True)
class EvaluationRequest:
    """The archive with its cohort.json, the folder of PSEUDONYM/truth.json, and where the figures go."""

    archive: Path
    cohort: Path
    truth: Path
    out: Path
    bundle: Path | None = None
    jobs: int = 1


def run(request: EvaluationRequest, pairs: list[PairEntry]) -> Iterator[dict[str, Any]]:
    """Evaluate each pair; its figures are kept as `out`/pairs/PAIR.json and not made again.

    Beside the right pair, its MR is made a wrong one in the way that its place in the list says (`WRONG`):
    another patient's, mirrored, cropped.
    """
    (request.out / "pairs").mkdir(parents=True, exist_ok=True)
    missing = []
    for n, pair in enumerate(pairs):
        path = _path(request, pair)
        if path.is_file():
            yield json.loads(path.read_text(encoding="utf-8"))
        else:
            missing.append((pair, pairs[(n + 1) % len(pairs)], WRONG[n % len(WRONG)]))
    yield from side_by_side(partial(_evaluate, request=request), missing, request.jobs)


def _evaluate(item: tuple[PairEntry, PairEntry, str], request: EvaluationRequest) -> dict[str, Any]:
    pair, other, wrong = item
    volume, mr = read_ct(pair.ct, request.archive), read_mr(pair.mr, request.archive)
    knee = knee_of(volume, Side(pair.side), _analyser(request.bundle))
    del volume
    landmarks = read_landmarks(request.truth / pair.pseudonym / "truth.json")
    seconds: dict[str, float] = {}
    _compiled(knee, mr)
    pose = _timed(seconds, TEXTURE, lambda: register(knee, mr))
    quality = diagnosed(judge(pose, Limits()), pose, knee, mr, Limits())
    errors = {
        name: target_errors(found, landmarks) for name, found in _transforms(knee, mr, pose, seconds).items()
    }
    wrong_mr = read_mr(other.mr, request.archive) if wrong == OTHER_PATIENT else made_wrong(mr, wrong)
    content = {
        "pair_id": pair.pair_id,
        "tre_mm": errors,
        "seconds": seconds,
        "quality": asdict(quality),
        "wrong": {"kind": wrong, **_verdict(knee, wrong_mr)},
    }
    _path(request, pair).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def _path(request: EvaluationRequest, pair: PairEntry) -> Path:
    return request.out / "pairs" / f"{pair.pair_id}.json"


def _transforms(
    knee: CTKnee, mr: MRVolume, pose: KneePose, seconds: dict[str, float]
) -> dict[str, Transforms]:
    """Of every method; ANTs gets the MR averaged as our finest level has it, which saves it much time."""
    coarse = averaged(mr, LEVELS[-1][0])
    start = pose.starts[0].transforms
    whole = mean_rigid(start[Bone.FEMUR], start[Bone.TIBIA], pose.points[Bone.TIBIA].lps(every=97))
    centred = np.eye(4)
    centred[:3, 3] = middle_of(mr.affine, mr.size) - joint_centre(pose.points)
    one = {
        SCANNER: np.eye(4),
        CENTRED: centred,
        ANTS: _timed(seconds, ANTS, lambda: ants_rigid(knee, coarse)),
        ANTS_STARTED: _timed(seconds, ANTS_STARTED, lambda: ants_rigid(knee, coarse, whole)),
    }
    return {
        **{name: dict.fromkeys(Bone, transform) for name, transform in one.items()},
        START: start,
        INFORMATION: {bone: each.by_information for bone, each in pose.bones.items()},
        TEXTURE: {bone: each.transform for bone, each in pose.bones.items()},
    }


def _verdict(knee: CTKnee, mr: MRVolume) -> dict[str, str]:
    pose = register(knee, mr)
    quality = diagnosed(judge(pose, Limits()), pose, knee, mr, Limits())
    return {"verdict": quality.verdict, "code": quality.code, "reason": quality.reason}


def read_landmarks(path: Path) -> dict[Bone, tuple[Array, Array]]:
    """Of each bone the same points in CT and MR, (n, 3) LPS mm each."""
    found = json.loads(path.read_text(encoding="utf-8"))["landmarks"]
    return {
        bone: (
            np.array([found[bone]["ct"][name] for name in found[bone]["ct"]]),
            np.array([found[bone]["mr"][name] for name in found[bone]["ct"]]),
        )
        for bone in Bone
    }


def target_errors(transforms: Transforms, landmarks: dict[Bone, tuple[Array, Array]]) -> list[float]:
    """Target registration error (mm) of every landmark, femur first."""
    return [
        float(error)
        for bone in Bone
        for error in np.linalg.norm(apply(transforms[bone], landmarks[bone][0]) - landmarks[bone][1], axis=1)
    ]


def _timed(seconds: dict[str, float], name: str, make: Callable[[], T]) -> T:
    """The processor's time: with one thread each, what an idle core takes, whoever shares the machine."""
    begun = time.process_time()
    made = make()
    seconds[name] = time.process_time() - begun
    return made


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
