from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from ctsma_node.errors import SettingsError
from tests.unit.trainer.synthesis.scenes import entry
from trainer.cohort.manifest import sources_of
from trainer.patches.transforms import read_transforms

PAIR = entry("P1-R")


def written(path: Path, femur: Any = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = np.eye(4)
    plain[:3, 3] = [1.0, 2.0, 3.0]
    path.write_text(json.dumps({"ct_to_mr": {"femur": femur or np.eye(4).tolist(), "tibia": plain.tolist()}}))


@pytest.mark.parametrize("name", ["P1-R.json", "P1/truth.json"])
def test_transforms_of_registration_and_of_a_phantom(tmp_path: Path, name: str) -> None:
    written(tmp_path / name)
    found = read_transforms(tmp_path, PAIR)
    assert found is not None
    assert found[Bone.TIBIA][:3, 3].tolist() == [1.0, 2.0, 3.0]


def test_transforms_of_other_scans_are_refused_by_name(tmp_path: Path) -> None:
    """A finer CT has arrived, the cohort was made anew, and registration was not."""
    path = tmp_path / "P1-R.json"
    written(path)
    path.write_text(json.dumps(sources_of(PAIR) | json.loads(path.read_text())))
    assert read_transforms(tmp_path, PAIR) is not None
    finer = PAIR.ct.model_copy(update={"series_uid": "1.2.3.4"})
    with pytest.raises(SettingsError, match="run ctsma-train register"):
        read_transforms(tmp_path, PAIR.model_copy(update={"ct": finer}))
    other = PAIR.mr.model_copy(update={"files": ("visit 2.nii.gz",)})
    with pytest.raises(SettingsError, match=r"P1-R\.json"):
        read_transforms(tmp_path, PAIR.model_copy(update={"mr": other}))


def test_no_transforms(tmp_path: Path) -> None:
    assert read_transforms(tmp_path, PAIR) is None


@pytest.mark.parametrize(
    "femur",
    [
        np.diag([1.1, 1.0, 1.0, 1.0]).tolist(),  # scaled
        np.diag([-1.0, 1.0, 1.0, 1.0]).tolist(),  # mirrored
        np.eye(3).tolist(),
        [["x"] * 4] * 4,
        np.full((4, 4), np.nan).tolist(),
    ],
)
def test_what_is_not_rigid_is_refused_by_name(tmp_path: Path, femur: Any) -> None:
    written(tmp_path / "P1-R.json", femur)
    with pytest.raises(SettingsError, match=r"P1-R\.json"):
        read_transforms(tmp_path, PAIR)
