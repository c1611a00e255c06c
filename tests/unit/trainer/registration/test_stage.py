from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ctsma_node.analysis.result import Bone
from ctsma_node.errors import Refused
from tests.unit.trainer.registration.knees import moved
from trainer.cohort.manifest import PairEntry
from trainer.mr import MRVolume
from trainer.patches.transforms import read_transforms
from trainer.registration import stage
from trainer.registration.bonewise import KneePose
from trainer.registration.knee import CTKnee
from trainer.registration.pair import Registration
from trainer.registration.quality import Limits, judge
from trainer.registration.stage import RegisterRequest, run
from trainer.synthesis.synthesise import WEIGHTS


def pair(pair_id: str) -> PairEntry:
    series = SimpleNamespace(
        series_uid=f"1.{pair_id[1]}", folder=pair_id[:2], files=("1.dcm", "2.dcm"), sha256=""
    )
    return cast(
        PairEntry,
        SimpleNamespace(pair_id=pair_id, pseudonym=pair_id[:2], side=pair_id[-1], ct=series, mr=series),
    )


@pytest.fixture
def request_(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knee: CTKnee, mr: MRVolume, pose: KneePose
) -> RegisterRequest:
    """Three pairs: a good one, one whose bones do not agree, one with an implant."""
    (tmp_path / "cohort.json").write_text("{}")
    pairs = tuple(pair(name) for name in ("P1-R", "P2-R", "P3-L"))
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=pairs))
    monkeypatch.setattr(stage, "read_ct", lambda entry, archive: entry.series_uid)
    monkeypatch.setattr(stage, "read_mr", lambda entry, archive: mr)
    monkeypatch.setattr(stage, "_analyser", lambda bundle: None)

    def registered(ct: str, *_: object) -> Registration:
        if ct == "1.3":
            raise Refused("metal_implant", "metal lies in the knee")
        limits = Limits(information=9.0 if ct == "1.2" else 0.5)
        return Registration(knee, pose, judge(pose, limits), {"register": 1.5})

    monkeypatch.setattr(stage, "register_pair", registered)
    return RegisterRequest(tmp_path, tmp_path, tmp_path / "out", jobs=1)


def test_each_pair_ends_in_transforms_or_in_a_reason(request_: RegisterRequest, pose: KneePose) -> None:
    ended = {row["pair_id"]: (row["verdict"], row["code"]) for row in run(request_)}
    assert ended == {
        "P1-R": ("registered", ""),
        "P2-R": ("not_registered", "low_agreement"),
        "P3-L": ("not_registered", "metal_implant"),
    }
    found = read_transforms(request_.out, pair("P1-R"))
    assert found is not None
    for bone in Bone:
        assert found[bone].tolist() == pose.bones[bone].transform.tolist()
        assert abs(found[bone] - moved(bone)).max() < 0.5
    for name in ("P2-R", "P3-L"):
        assert read_transforms(request_.out, pair(name)) is None
        content = json.loads((request_.out / "not_registered" / f"{name}.json").read_text())
        assert "ct_to_mr" not in content
        assert content["reason"]
    with (request_.out / "registration.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["pair_id"] for row in rows] == ["P1-R", "P2-R", "P3-L"]
    assert float(rows[0]["femur_texture"]) > 0.5
    pictures = sorted(path.name for path in (request_.out / "pictures").iterdir())
    assert pictures == ["P1-R.png", "P2-R.png"]


def test_what_is_there_is_not_made_again(request_: RegisterRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(run(request_))
    (request_.out / "not_registered" / "P2-R.json").unlink()
    made: list[str] = []

    def again_made(entry: PairEntry, **_: object) -> dict[str, Any]:
        made.append(entry.pair_id)
        return before[1]

    monkeypatch.setattr(stage, "register_entry", again_made)
    again = list(run(request_))
    assert made == ["P2-R"]
    assert sorted(map(_named, again)) == sorted(map(_named, before))


def test_a_pair_of_other_series_is_made_anew(
    request_: RegisterRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run(replace(request_, pictures=False)))
    changed = (pair("P1-R"), pair("P2-R"), pair("P3-L"))
    changed[0].ct.series_uid = "1.2"
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=changed))
    ended = {row["pair_id"]: row["code"] for row in run(replace(request_, pictures=False))}
    assert ended["P1-R"] == "low_agreement"
    assert read_transforms(request_.out, pair("P1-R")) is None


def made_anew(request: RegisterRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pairs that are registered where this is asked for now."""
    made: list[str] = []
    real = stage.register_entry

    def noted(entry: PairEntry, **others: Any) -> dict[str, Any]:
        made.append(entry.pair_id)
        return real(entry, **others)

    with monkeypatch.context() as during:
        during.setattr(stage, "register_entry", noted)
        list(run(request))
    return made


def test_other_limits_another_bundle_or_synthesis_register_every_pair_anew(
    request_: RegisterRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = ["P1-R", "P2-R", "P3-L"]
    request = replace(request_, pictures=False)
    assert made_anew(request, monkeypatch) == every
    assert made_anew(request, monkeypatch) == []
    request = replace(request, limits=Limits(texture=0.5))
    assert made_anew(request, monkeypatch) == every
    assert json.loads((request.out / "stage.json").read_text())["settings"]["limits"]["texture"] == 0.5
    request = replace(request, synthesis=tmp_path / "synthesis")
    for weights in (b"one", b"other"):
        (tmp_path / "synthesis").mkdir(exist_ok=True)
        (tmp_path / "synthesis" / WEIGHTS).write_bytes(weights)
        assert made_anew(request, monkeypatch) == every
    monkeypatch.setattr(stage, "read_bundle", lambda _: SimpleNamespace(digest="another"))
    assert made_anew(request, monkeypatch) == every
    assert made_anew(request, monkeypatch) == []


def test_other_files_without_a_uid_are_another_pair(
    request_: RegisterRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NIfTI has no UIDs."""
    pairs = tuple(pair(name) for name in ("P1-R", "P2-R"))
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=pairs))
    request = replace(request_, pictures=False)
    for each in pairs:
        each.mr.series_uid = ""
    list(run(request))
    pairs[1].mr.files = ("visit 2.nii.gz",)
    assert made_anew(request, monkeypatch) == ["P2-R"]
    assert "visit" not in (request.out / "P2-R.json").read_text()


def test_a_pair_that_does_not_say_what_made_it_is_registered_anew(
    request_: RegisterRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(request_, pictures=False)
    list(run(request))
    path = request.out / "P1-R.json"
    content = json.loads(path.read_text())
    del content["limits"]
    path.write_text(json.dumps(content))
    assert made_anew(request, monkeypatch) == ["P1-R"]


def _named(row: dict[str, Any]) -> tuple[str, str, float]:
    return row["pair_id"], row["code"], row["seconds"]
