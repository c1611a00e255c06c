from __future__ import annotations

import json
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
    return [pair(name) for name in ("P1-R", "P2-R")]


def pair(pair_id: str) -> PairEntry:
    series = SimpleNamespace(series_uid=pair_id, folder="", files=("1.dcm",), sha256="")
    about = {"pair_id": pair_id, "pseudonym": pair_id[:2], "side": "R", "ct": series, "mr": series}
    return cast(PairEntry, SimpleNamespace(**about))


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


def test_figures_of_another_bundle_scan_or_truth_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EvaluationRequest(tmp_path, tmp_path, tmp_path / "truth", tmp_path / "out")
    one, made = pair("P1-R"), list[str]()

    def evaluated(item: tuple[PairEntry, PairEntry, str], request: EvaluationRequest, made_of: Any) -> Any:
        made.append(item[0].pair_id)
        content = {"pair_id": item[0].pair_id, **made_of(item[0])}
        stage._path(request, item[0]).write_text(json.dumps(content))
        return content

    def again() -> int:
        made.clear()
        list(run(request, [one]))
        return len(made)

    monkeypatch.setattr(stage, "_evaluate", evaluated)
    assert (again(), again()) == (1, 0)
    one.mr.files = ("2.dcm",)
    assert (again(), again()) == (1, 0)
    (tmp_path / "truth" / "P1").mkdir(parents=True)
    (tmp_path / "truth" / "P1" / "truth.json").write_text("{}")
    assert (again(), again()) == (1, 0)
    monkeypatch.setattr(stage, "read_bundle", lambda _: SimpleNamespace(digest="another"))
    assert (again(), again()) == (1, 0)
    path = tmp_path / "out" / "pairs" / "P1-R.json"
    path.write_text(json.dumps({"pair_id": "P1-R", "models": {}}))
    assert again() == 1, "figures that do not say what they are of"
