"""Where a bone's points of the CT are in the MR: what registration found, or what a phantom knows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.errors import SettingsError
from ctsma_node.volume import Array
from trainer.cohort.manifest import PairEntry

Transforms = dict[Bone, Array]
"""4 x 4 of each bone, LPS mm of the CT to LPS mm of the MR."""
_RIGID = 1e-4


def read_transforms(folder: Path, pair: PairEntry) -> Transforms | None:
    """The transforms of a pair, or None where there are none.

    Looked for in `folder`: PAIR.json (as registration writes it), else PSEUDONYM/truth.json (as a phantom
    does); both hold {"ct_to_mr": {"femur": 4 x 4, "tibia": 4 x 4}}. Raises SettingsError where a file is
    there that holds something else, or a transform that is not rigid.
    """
    for path in (folder / f"{pair.pair_id}.json", folder / pair.pseudonym / "truth.json"):
        if path.is_file():
            return _parsed(path)
    return None


def _parsed(path: Path) -> Transforms:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["ct_to_mr"]
        transforms = {bone: np.array(found[bone.value], dtype=np.float64) for bone in Bone}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path}: no transform of each bone under ct_to_mr ({error!r})") from error
    for bone, transform in transforms.items():
        if not _is_rigid(transform):
            raise SettingsError(f"{path}: ct_to_mr of the {bone} is not a rigid 4 x 4 transform")
    return transforms


def _is_rigid(transform: Array) -> bool:
    if transform.shape != (4, 4) or not np.isfinite(transform).all():
        return False
    turn = transform[:3, :3]
    straight = np.abs(turn @ turn.T - np.eye(3)).max() < _RIGID and np.linalg.det(turn) > 0
    return bool(straight and np.allclose(transform[3], [0, 0, 0, 1]))
