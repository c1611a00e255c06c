from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ctsma_node.analysis.result import Bone
from tests.unit.trainer.registration.knees import Knee, ct_of, landmarks, moved, mr_of
from trainer.cohort.manifest import PairEntry
from trainer.evaluation.registration import methods, stage, verdicts
from trainer.evaluation.registration.methods import ANTS, METHODS, TEXTURE
from trainer.evaluation.registration.request import EvaluationRequest
from trainer.evaluation.registration.scans import Scans
from trainer.evaluation.registration.stage import run
from trainer.evaluation.registration.table4 import summary


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[PairEntry]:
    """Two right pairs; beside the second, its MR mirrored."""
    known = {bone: (landmarks(bone), _at_mr(bone)) for bone in Bone}
    scans = Scans(ct_of(Knee(1)), mr_of(Knee(1)), {bone: moved(bone) for bone in Bone}, known)
    monkeypatch.setattr(stage, "read_scans", lambda *_: scans)
    monkeypatch.setattr(verdicts, "read_mr", lambda *_: mr_of(Knee(2)))
    # ANTs takes half a minute for each of these, and has a test of its own.
    monkeypatch.setattr(methods, "ants_rigid", lambda *_: moved(Bone.TIBIA))
    return [cast(PairEntry, SimpleNamespace(pair_id=name, mr=None)) for name in ("P1-R", "P2-R")]


def _at_mr(bone: Bone) -> Any:
    transform = moved(bone)
    return landmarks(bone) @ transform[:3, :3].T + transform[:3, 3]


def test_right_and_wrong_pairs_are_evaluated_and_kept(tmp_path: Path, pairs: list[PairEntry]) -> None:
    request = EvaluationRequest(tmp_path, tmp_path, tmp_path, tmp_path / "out")
    done = list(run(request, pairs))
    figures = summary(done)
    assert list(figures["methods"]) == list(METHODS)
    assert figures["methods"][TEXTURE]["mean"] < 0.2 < figures["methods"][ANTS]["mean"]
    assert figures["right_pairs_refused"] == []
    assert [each["wrong"]["code"] for each in done] == ["other_patient", "other_side"]
    assert {path.name for path in (tmp_path / "out" / "pictures").iterdir()} == {"P1-R.png", "P2-R.png"}
    kept = tmp_path / "out" / "pairs" / "P1-R.json"
    before = kept.stat().st_mtime_ns
    again = list(run(request, pairs))
    assert kept.stat().st_mtime_ns == before
    np.testing.assert_equal([each["tre_mm"] for each in again], [each["tre_mm"] for each in done])
