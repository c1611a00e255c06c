"""The evaluation of registration, pair by pair: every method's error, seconds, verdicts, a wrong pair."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.analysis.result import Bone
from ctsma_node.errors import Refused
from ctsma_node.volume import CTVolume
from trainer.cohort.manifest import PairEntry, sources_of
from trainer.evaluation.registration.displacement import displacement
from trainer.evaluation.registration.errors import target_errors
from trainer.evaluation.registration.methods import (
    ANTS,
    TEXTURE,
    Stopwatch,
    by_synthesis,
    printed,
    without_synthesis,
)
from trainer.evaluation.registration.picture import write_picture
from trainer.evaluation.registration.request import EvaluationRequest
from trainer.evaluation.registration.scans import Scans, analyser_of, read_scans
from trainer.evaluation.registration.verdicts import quality_of, verdict_if_wrong
from trainer.evaluation.registration.wrong_pairs import OTHER_SIDE, WRONG
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms
from trainer.registration.bonewise import register
from trainer.registration.knee import CTKnee
from trainer.stage import side_by_side
from trainer.synthesis.refined import ByWayOfCT
from trainer.synthesis.synthesise import Synthesiser

PAIRS, PICTURES = "pairs", "pictures"


def run(request: EvaluationRequest, pairs: list[PairEntry]) -> Iterator[dict[str, Any]]:
    """Evaluate each pair; its figures are kept as `out`/pairs/PAIR.json and not made again for the same.

    Beside the right pair, its MR is made a wrong one in the way that its place in the list says (`WRONG`):
    another patient's, mirrored, cropped. A pair whose CT the bundle refuses has nothing but its `pair_id` and
    `refused`, the reason.
    """
    for folder in (PAIRS, PICTURES):
        (request.out / folder).mkdir(parents=True, exist_ok=True)
    made_by = {"models": request.models(), "bundle_digest": read_bundle(request.bundle).digest}
    made_of = partial(_made_of, request.truth, made_by)
    missing = []
    for n, pair in enumerate(pairs):
        kept = _kept(request, pair)
        if kept and kept.items() >= made_of(pair).items():
            yield kept
        else:
            other = pairs[(n + 1) % len(pairs)]
            missing.append((pair, other, OTHER_SIDE if other is pair else WRONG[n % len(WRONG)]))
    make = partial(_evaluate, request=request, made_of=made_of)
    yield from side_by_side(make, missing, request.jobs)


def _made_of(truth: Path, made_by: dict[str, Any], pair: PairEntry) -> dict[str, Any]:
    """What a pair's figures depend on: figures of another bundle, scan or truth are not taken for these."""
    known = truth / pair.pseudonym / "truth.json"
    digest = hashlib.sha256(known.read_bytes()).hexdigest() if known.is_file() else ""
    return {**made_by, **sources_of(pair), "truth": digest}


def _evaluate(
    item: tuple[PairEntry, PairEntry, str],
    request: EvaluationRequest,
    made_of: Callable[[PairEntry], dict[str, Any]],
) -> dict[str, Any]:
    pair, other, wrong = item
    try:
        scans = read_scans(pair, request)
    except Refused as refused:
        return {"pair_id": pair.pair_id, "refused": f"{refused.code}: {refused.reason}"}
    knee, mr = scans.knee, scans.mr
    _compiled(knee, mr)
    watch = Stopwatch()
    pose = watch.timed(TEXTURE, lambda: register(knee, mr))
    quality = quality_of(pose, knee, mr, request)
    found = without_synthesis(knee, mr, pose, watch)
    syntheses, ways = _synthesised(scans, found, request, watch)
    write_picture(knee, mr, found, ways, request.out / PICTURES / f"{pair.pair_id}.png")
    content = {
        "pair_id": pair.pair_id,
        **made_of(pair),
        "tre_mm": {name: target_errors(each, scans.landmarks) for name, each in found.items()},
        "syntheses": syntheses,
        "seconds": watch.seconds,
        "quality": asdict(quality),
        "wrong": {"kind": wrong, **verdict_if_wrong(scans, pair, other, wrong, request)},
    }
    _path(request, pair).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def _synthesised(
    scans: Scans, found: dict[str, Transforms], request: EvaluationRequest, watch: Stopwatch
) -> tuple[dict[str, Any], dict[str, ByWayOfCT]]:
    """Figures of each synthesis, and what it led to; the transforms go into `found`."""
    coarse = found[ANTS][Bone.FEMUR]
    ct = CTVolume(scans.knee.hu, scans.knee.affine)
    syntheses, ways = {}, {}
    for folder in request.syntheses:
        model = _model(folder)
        name = printed(model.settings)
        ways[name], transforms = by_synthesis(
            scans.knee, scans.mr, coarse, model, analyser_of(request.bundle), watch
        )
        found.update(transforms)
        moved = displacement(ct, ways[name].sct, coarse, scans.truth, scans.landmarks)
        syntheses[name] = {**asdict(moved), "overlap": ways[name].overlap}
    return syntheses, ways


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
def _model(folder: Path) -> Synthesiser:
    return Synthesiser.load(folder)
