"""Where a bone's points of the CT are in the MR: what registration found, or what a phantom knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ctsma_node.analysis.result import Bone
from ctsma_node.errors import SettingsError
from ctsma_node.volume import Array
from trainer.cohort.manifest import PairEntry, sources_of

Transforms = dict[Bone, Array]
"""4 x 4 of each bone, LPS mm of the CT to LPS mm of the MR."""
_RIGID = 1e-4


def read_transforms(folder: Path, pair: PairEntry) -> Transforms | None:
    """The transforms of a pair, or None where there are none.

    Looked for in `folder`: PAIR.json (as registration writes it), else PSEUDONYM/truth.json (as a phantom
    does); both hold {"ct_to_mr": {"femur": 4 x 4, "tibia": 4 x 4}}. Raises SettingsError where a file is
    there that holds something else, a transform that is not rigid, or one of other scans than the pair's.
    """
    for path in (folder / f"{pair.pair_id}.json", folder / pair.pseudonym / "truth.json"):
        if path.is_file():
            content = _content(path)
            _check_scans(path, content, pair)
            return _parsed(path, content)
    return None


def _content(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path}: no transforms ({error!r})") from error


def _check_scans(path: Path, content: dict[str, Any], pair: PairEntry) -> None:
    """A cohort that is made anew may have chosen other scans, and keeps the pair's name."""
    if any(content.get(name, value) != value for name, value in sources_of(pair).items()):
        raise SettingsError(f"{path}: transforms of other scans than the cohort's: run ctsma-train register")


def _parsed(path: Path, content: dict[str, Any]) -> Transforms:
    try:
        found = content["ct_to_mr"]
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
