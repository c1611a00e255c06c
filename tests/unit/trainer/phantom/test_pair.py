from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from ctsma_node.analysis.result import Bone, Side
from tests.unit.trainer.phantom.pairs import digests, drawn, person, tiny
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.header import SOFTWARE
from trainer.phantom.pair import write_pair
from trainer.phantom.structure import Channel, Part
from trainer.phantom.subject import CT_FLEXION, MR_FLEXION, draw_subject


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    write_pair(tiny(drawn()), folder / "archive", folder / "truth")
    return folder


def test_equal_seeds_equal_bytes(written: Path, tmp_path: Path) -> None:
    again = tiny(draw_subject(person(), 77, DIFFICULTIES["standard"]))  # drawn anew, nothing cached
    write_pair(again, tmp_path / "archive", tmp_path / "truth")
    assert digests(tmp_path) == digests(written)
    other = tiny(draw_subject(person(), 78, DIFFICULTIES["standard"]))
    assert other.ct_acquisition.noise_seed != again.ct_acquisition.noise_seed


def test_a_pair_is_two_studies_of_one_patient(written: Path) -> None:
    series = {
        name: pydicom.dcmread(next((written / "archive" / name / "dicom").glob("*.dcm")))
        for name in ("CT/thin", "CT/standard", "MR/bffe")
    }
    thin, standard, mr = series.values()
    assert len({ds.PatientID for ds in series.values()}) == 1
    assert {ds.SoftwareVersions for ds in series.values()} == {SOFTWARE}, "a cohort knows drawn pairs by it"
    assert thin.StudyInstanceUID == standard.StudyInstanceUID != mr.StudyInstanceUID
    assert thin.FrameOfReferenceUID == standard.FrameOfReferenceUID != mr.FrameOfReferenceUID
    assert len({ds.SeriesInstanceUID for ds in series.values()}) == 3
    assert mr.StudyDate > thin.StudyDate
    assert {ds.Laterality if "Laterality" in ds else ds.ImageLaterality for ds in series.values()} == {"L"}
    assert float(thin.PatientSize) == pytest.approx(1.62)
    assert float(thin.PatientWeight) == pytest.approx(24.9 * 1.62**2, abs=0.1)
    assert (thin.PatientSex, thin.PatientAge) == ("F", "056Y")


def test_no_two_instances_share_a_uid(written: Path) -> None:
    files = list((written / "archive").rglob("*.dcm"))
    uids = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files}
    assert len(uids) == len(files)


@pytest.mark.parametrize("series", ["CT/thin", "CT/standard", "MR/bffe"])
def test_the_standards_checker_finds_no_error(
    written: Path, series: str, require_tool: Callable[[str], Path]
) -> None:
    tool = require_tool("dciodvfy")
    path = next((written / "archive" / series / "dicom").glob("*.dcm"))
    run = subprocess.run([tool, path], capture_output=True, text=True, check=False)
    said = (run.stdout + run.stderr).splitlines()
    assert said
    assert [line for line in said if line.startswith("Error")] == []


def test_a_second_visit_is_the_same_knee_scanned_anew() -> None:
    first = drawn()
    second = draw_subject(person(), 77, DIFFICULTIES["standard"], visit=1)
    for part in Part:
        assert np.array_equal(first.ct_knee.structures[part].maps, second.ct_knee.structures[part].maps)
        assert not np.allclose(first.ct_knee.poses[part], second.ct_knee.poses[part], atol=0.1)
    assert first.ct_knee.disease == second.ct_knee.disease
    assert first.mr_acquisition.noise_seed != second.mr_acquisition.noise_seed


@pytest.mark.parametrize("visit", range(4))
def test_ct_is_straight_and_mr_bent(visit: int) -> None:
    subject = drawn() if visit == 0 else draw_subject(person(), 77, DIFFICULTIES["standard"], visit)
    assert CT_FLEXION[0] <= subject.ct_knee.flexion <= CT_FLEXION[1]
    assert MR_FLEXION[0] <= subject.mr_knee.flexion <= MR_FLEXION[1]
    assert 1 <= subject.days_between < 60


def test_build_and_sex_show_in_the_leg() -> None:
    heavy = replace(person(), bmi=36.0, sex="M")
    subject = draw_subject(heavy, 77, DIFFICULTIES["standard"])
    assert subject.ct.legs[0].fat > drawn().ct.legs[0].fat
    assert subject.ct_knee.anatomy.size[0] > drawn().ct_knee.anatomy.size[0]


@pytest.mark.parametrize("side", list(Side))
def test_the_joint_space_is_what_was_drawn_in_both_postures(side: Side) -> None:
    subject = drawn(side)
    for knee in (subject.ct_knee, subject.mr_knee):
        femur, tibia = (knee.poses[Part(bone.value)] for bone in Bone)
        bone = knee.structures[Part.TIBIA]
        k, j, i = np.nonzero(np.abs(bone.maps[..., Channel.DISTANCE]) < 0.9)
        own = bone.origin + bone.step * np.stack([i, j, k], axis=1)
        off = bone.maps[k, j, i, Channel.DISTANCE]
        points = np.column_stack([own, np.ones(len(own))]) @ (np.linalg.inv(femur) @ tibia).T
        gap = knee.structures[Part.FEMUR].at(points[:, :3])[:, Channel.DISTANCE] - off
        for sign, wanted in zip((1.0, -1.0), knee.disease.joint_space, strict=True):
            compartment = (sign * own[:, 0] > 9.0) & (own[:, 2] > -14.0)
            assert gap[compartment].min() == pytest.approx(wanted, abs=0.5)
