from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ctsma_node.errors import Refused, SettingsError
from trainer.drawn import all_drawn_below
from trainer.morphometry.calibration import Calibration, shipped, write_calibration
from trainer.patches import stage
from trainer.patches.stage import PatchRequest, run
from trainer.patches.store import STORE, PatchStore


def pair(pair_id: str) -> SimpleNamespace:
    series = SimpleNamespace(
        series_uid=f"1.{pair_id[1]}", folder=pair_id[:2], files=("1.dcm", "2.dcm"), sha256=""
    )
    return SimpleNamespace(
        pair_id=pair_id,
        pseudonym=pair_id[:2],
        side=pair_id[-1],
        fold=1,
        oa_class="mild",
        clinical=None,
        ct=series,
        mr=series,
    )


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PatchRequest:
    """Four pairs: one without transforms, one that the gate refuses, two good ones."""
    (tmp_path / "cohort.json").write_text("{}")
    pairs = tuple(pair(name) for name in ("P1-R", "P2-L", "P3-R", "P4-L"))
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=pairs, drawn=False))
    for number in (2, 3, 4):
        folder = tmp_path / "truth" / f"P{number}"
        folder.mkdir(parents=True)
        plain = np.eye(4).tolist()
        (folder / "truth.json").write_text(json.dumps({"ct_to_mr": {"femur": plain, "tibia": plain}}))
    monkeypatch.setattr(stage, "read_ct", lambda entry, archive: entry.series_uid)
    monkeypatch.setattr(stage, "read_mr", lambda entry, archive: entry.series_uid)
    monkeypatch.setattr(stage, "_analyser", lambda bundle: SimpleNamespace(digest="0" * 64))
    monkeypatch.setattr(stage, "label_pair", labelled)
    return PatchRequest(tmp_path, tmp_path, tmp_path / "truth", tmp_path / "out", jobs=1)


def labelled(ct: str, *_: object) -> dict[str, Any]:
    if ct == "1.2":
        raise Refused("no_knee", "no knee was found")
    return {"label": np.zeros((7, 4), dtype=np.float32), "bone": np.zeros(7, dtype=np.uint8)}


def test_each_pair_ends_in_patches_or_in_a_reason(request_: PatchRequest) -> None:
    ended = {done.pair_id: (done.patches, done.code) for done in run(request_)}
    assert ended == {
        "P1-R": (0, "not_registered"),
        "P2-L": (0, "no_knee"),
        "P3-R": (7, ""),
        "P4-L": (7, ""),
    }
    listed = json.loads((request_.out / "left_out.json").read_text())
    assert [(row["pair_id"], row["code"]) for row in listed] == [
        ("P1-R", "not_registered"),
        ("P2-L", "no_knee"),
    ]
    attributes = PatchStore(request_.out / STORE).attributes("P3-R")
    assert (attributes["fold"], attributes["oa_class"], attributes["ct_series_uid"]) == (1, "mild", "1.3")
    assert attributes["ct_to_mr"]["femur"] == np.eye(4).tolist()


@pytest.mark.parametrize("drawn", [True, False])
def test_whether_the_cohort_was_drawn_is_handed_on(
    request_: PatchRequest, monkeypatch: pytest.MonkeyPatch, drawn: bool
) -> None:
    cohort = SimpleNamespace(pairs=(pair("P3-R"),), drawn=drawn)
    monkeypatch.setattr(stage, "read_manifest", lambda _: cohort)
    list(run(request_))
    assert all_drawn_below(request_.out) is drawn


def test_what_is_there_is_not_made_again(request_: PatchRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    list(run(request_))

    def never(ct: str, *_: object) -> dict[str, Any]:
        if ct in ("1.3", "1.4"):
            raise AssertionError("made again")
        return labelled(ct)

    monkeypatch.setattr(stage, "label_pair", never)
    assert [done.pair_id for done in run(request_) if not done.code] == ["P3-R", "P4-L"]


def test_patches_of_other_transforms_are_made_again(request_: PatchRequest) -> None:
    list(run(request_))
    truth = request_.transforms / "P3" / "truth.json"
    moved = np.eye(4)
    moved[0, 3] = 2.0
    truth.write_text(json.dumps({"ct_to_mr": {"femur": moved.tolist(), "tibia": np.eye(4).tolist()}}))
    assert [done.pair_id for done in run(request_) if done.patches] == ["P3-R"]
    assert PatchStore(request_.out / STORE).attributes("P3-R")["ct_to_mr"]["femur"] == moved.tolist()


def test_patches_with_noise_that_was_drawn_otherwise_are_made_again(
    request_: PatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run(request_))
    monkeypatch.setattr(stage, "NOISE", 100)
    assert [done.pair_id for done in run(request_) if done.patches] == ["P3-R", "P4-L"]
    plain = replace(
        request_, sampling=replace(request_.sampling, protocols=False), out=request_.out / "plain"
    )
    list(run(plain))
    monkeypatch.setattr(stage, "NOISE", 101)
    assert not [done for done in run(plain) if done.patches], "without other protocols there is none"


def test_patches_of_another_calibration_are_made_again(
    request_: PatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run(request_))
    given: list[Calibration] = []

    def calibrated(ct: str, *rest: Any) -> dict[str, Any]:
        given.append(rest[-1])
        return labelled(ct)

    monkeypatch.setattr(stage, "label_pair", calibrated)
    file = request_.archive / "ours.json"
    write_calibration(replace(shipped(), voxel=(0.7, 0.36, 0.36)), file)
    ours = replace(request_, calibration=file)
    assert [done.pair_id for done in run(ours) if done.patches] == ["P3-R", "P4-L"]
    assert {each.voxel for each in given} == {(0.7, 0.36, 0.36)}
    assert not [done for done in run(ours) if done.patches]


def test_a_broken_file_of_transforms_costs_its_own_pair(request_: PatchRequest) -> None:
    (request_.transforms / "P4" / "truth.json").write_text("{")
    ended = {done.pair_id: done for done in run(request_)}
    assert ended["P4-L"].code == "bad_transforms"
    assert "P4/truth.json" in ended["P4-L"].text
    assert ended["P3-R"].patches == 7


def test_a_pair_that_is_refused_now_leaves_the_store(request_: PatchRequest) -> None:
    list(run(request_))
    (request_.transforms / "P3" / "truth.json").unlink()
    ended = {done.pair_id: done.code for done in run(request_)}
    assert ended["P3-R"] == "not_registered"
    assert PatchStore(request_.out / STORE).pairs == ["P4-L"]


def test_a_pair_that_left_the_cohort_leaves_the_store(
    request_: PatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run(request_))
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=(pair("P3-R"),), drawn=False))
    assert [done.patches for done in run(request_)] == [0], "what stays is not made again"
    assert PatchStore(request_.out / STORE).pairs == ["P3-R"]


def test_a_run_that_is_stopped_leaves_nothing_that_is_stale(request_: PatchRequest) -> None:
    list(run(request_))
    for name in ("P3", "P4"):
        (request_.transforms / name / "truth.json").unlink()
    next(iter(run(request_)))
    assert PatchStore(request_.out / STORE).pairs == []


def test_a_wrong_folder_of_transforms_removes_nothing(request_: PatchRequest) -> None:
    list(run(request_))
    with pytest.raises(SettingsError, match="none: no such folder"):
        list(run(replace(request_, transforms=request_.transforms / "none")))
    assert PatchStore(request_.out / STORE).pairs == ["P3-R", "P4-L"]


def test_patches_of_other_files_are_made_again(
    request_: PatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NIfTI has no UIDs."""
    list(run(request_))
    pairs = (pair("P3-R"), pair("P4-L"))
    pairs[0].ct.files = ("visit 2.nii.gz",)
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=pairs, drawn=False))
    assert [done.pair_id for done in run(request_) if done.patches] == ["P3-R"]
    assert "visit" not in json.dumps(PatchStore(request_.out / STORE).attributes("P3-R"))
