"""The stage `patches`: every pair of a cohort that has transforms, to paired patches with labels."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ctsma_node import __version__
from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.errors import Refused, SettingsError
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import PairEntry, read_manifest, sources_of
from trainer.drawn import ALL_DRAWN
from trainer.morphometry.calibration import SHIPPED, read_calibration
from trainer.morphometry.labels import METHOD
from trainer.patches.labelling import Sampling, label_pair
from trainer.patches.protocols import DRAWN, NOISE, PROTOCOLS
from trainer.patches.store import STORE, PatchStore, has_group, keep_groups, write_group
from trainer.patches.transforms import Transforms, read_transforms
from trainer.stage import side_by_side, write_manifest

LEFT_OUT = "left_out.json"


@dataclass(frozen=True)
class PatchRequest:
    """Folders of the stage: the archive, its `cohort.json`, transforms, and where the patches go."""

    archive: Path
    cohort: Path
    transforms: Path
    out: Path
    bundle: Path | None = None
    jobs: int = 2
    sampling: Sampling = field(default_factory=Sampling)
    calibration: Path | None = None


@dataclass(frozen=True)
class Done:
    """What became of one pair: patches, or a coded reason."""

    pair_id: str
    patches: int = 0
    seconds: float = 0.0
    code: str = ""
    text: str = ""


def run(request: PatchRequest) -> Iterator[Done]:
    """Label what is missing; yields each pair as it is done.

    Writes `out`/patches.zarr, left_out.json (pairs without patches, and why) and stage.json. What the store
    holds of other pairs, or made of something else, is removed first: whoever reads it takes all of it.
    Raises SettingsError where there is no cohort, or no folder of transforms.
    """
    cohort = read_manifest(request.cohort)
    pairs = cohort.pairs
    _check_transforms(request.transforms)
    request.out.mkdir(parents=True, exist_ok=True)
    there = [pair.pair_id for pair in pairs if _is_there(pair, request)]
    keep_groups(request.out / STORE, there)
    write_manifest(
        request.out, _settings(request) | {ALL_DRAWN: cohort.drawn}, [request.cohort / "cohort.json"]
    )
    yield from map(Done, there)
    missing, left_out = [pair for pair in pairs if pair.pair_id not in there], []
    for done in side_by_side(partial(_label, request=request), missing, request.jobs):
        if done.code:
            left_out.append(done)
        yield done
    listed = [asdict(done) for done in sorted(left_out, key=lambda done: done.pair_id)]
    (request.out / LEFT_OUT).write_text(json.dumps(listed, indent=1) + "\n")


def count_pairs(cohort: Path) -> int:
    """How many pairs `run` will go through."""
    return len(read_manifest(cohort).pairs)


def _check_transforms(folder: Path) -> None:
    """A wrong name is no reason to remove the patches of every pair."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder: run ctsma-train register, or name --transforms")


def _is_there(pair: PairEntry, request: PatchRequest) -> bool:
    """Whether a pair's patches are there, and made of what would be taken now."""
    if not has_group(request.out / STORE, pair.pair_id):
        return False
    try:
        transforms = read_transforms(request.transforms, pair)
    except SettingsError:
        return False
    if transforms is None:
        return False
    made_of = PatchStore(request.out / STORE).attributes(pair.pair_id)
    return bool(made_of == json.loads(json.dumps(_provenance(pair, transforms, request))))


def _label(pair: PairEntry, request: PatchRequest) -> Done:
    """One pair; what is wrong with it is its answer, and the others go on."""
    start = time.perf_counter()
    try:
        transforms = read_transforms(request.transforms, pair)
        if transforms is None:
            text = (
                f"no transforms of it in {request.transforms}: run ctsma-train register, or name --transforms"
            )
            return Done(pair.pair_id, code="not_registered", text=text)
        arrays = label_pair(
            read_ct(pair.ct, request.archive),
            read_mr(pair.mr, request.archive),
            Side(pair.side),
            transforms,
            _analyser(request.bundle),
            request.sampling,
            read_calibration(request.calibration or SHIPPED),
        )
    except Refused as refused:
        return Done(pair.pair_id, code=refused.code, text=refused.reason)
    except SettingsError as error:
        return Done(pair.pair_id, code="bad_transforms", text=str(error))
    except ValueError as error:
        return Done(pair.pair_id, code="not_measured", text=str(error))
    write_group(request.out / STORE, pair.pair_id, arrays, _provenance(pair, transforms, request))
    return Done(pair.pair_id, len(arrays["label"]), time.perf_counter() - start)


@cache
def _analyser(bundle: Path | None) -> Analyser:
    """One for each process."""
    return Analyser.load(bundle, device="cpu", threads=1)


def _settings(request: PatchRequest) -> dict[str, Any]:
    return {
        "sampling": asdict(request.sampling),
        "method": str(METHOD),
        "transforms": request.transforms.name,
    }


def _provenance(pair: PairEntry, transforms: Transforms, request: PatchRequest) -> dict[str, Any]:
    """Where a pair's patches came from; nothing that names a patient."""
    return {
        "pair_id": pair.pair_id,
        "pseudonym": pair.pseudonym,
        "fold": pair.fold,
        "oa_class": pair.oa_class,
        "clinical": None if pair.clinical is None else pair.clinical.model_dump(),
        **sources_of(pair),
        "ct_to_mr": {bone.value: transforms[bone].tolist() for bone in Bone},
        "method": str(METHOD),
        "calibration": hashlib.sha256((request.calibration or SHIPPED).read_bytes()).hexdigest(),
        "sampling": asdict(request.sampling),
        "protocols": [len(PROTOCOLS), DRAWN, NOISE] if request.sampling.protocols else [0, 0],
        "bundle_digest": _analyser(request.bundle).digest,
        "versions": {"ctsma-node": __version__, "zarr": version("zarr")},
    }
