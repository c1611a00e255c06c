"""An archive that was not there is read again: what could not be read is no answer about its scans."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from ctsma_node.errors import Refused
from trainer.cli import app
from trainer.cohort.nifti_file import read_voxels
from trainer.synthesis.slices import forget_unread
from trainer.unread import UNREAD, is_unread, mark_of, reading


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One pair without a knee in it, the cohort of it, and an empty folder in the archive's place."""
    folder = tmp_path / "archive" / "P1" / "R"
    folder.mkdir(parents=True)
    for name in ("ct", "mr"):
        image = sitk.GetImageFromArray(np.zeros((40, 40, 40), np.int16))
        image.SetSpacing((0.3, 0.3, 0.5))
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    (tmp_path / "empty").mkdir()
    assert invoke("cohort", tmp_path / "archive", "--keep-ids", "--out", tmp_path / "cohort")[0] == 0
    return tmp_path / "archive"


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, words), "--jobs", "1"], env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.output.split())


def test_registration_reads_again_what_it_could_not_read(archive: Path, tmp_path: Path) -> None:
    def code(folder: Path) -> str:
        asked = ["--cohort", tmp_path / "cohort", "--out", tmp_path / "out", "--dask", "none"]
        assert invoke("register", folder, *asked, "--no-pictures")[0] == 3
        with (tmp_path / "out" / "registration.csv").open(newline="") as file:
            return next(csv.DictReader(file))["code"]

    assert code(tmp_path / "empty") == "unreadable_files"
    assert code(archive) == "no_knee"
    assert code(tmp_path / "empty") == "no_knee", "that is an answer, and it is kept"
    kept = tmp_path / "out" / "not_registered" / "P1-R.json"
    content = json.loads(kept.read_text())
    kept.write_text(json.dumps(content | {"code": "undecodable_pixels"}))
    assert code(archive) == "no_knee", "one that was kept before there was a mark"


def test_a_synthesis_reads_again_what_it_could_not_read(archive: Path, tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        asked = ["--cohort", tmp_path / "cohort", "--out", tmp_path / "out", "--slices", tmp_path / "slices"]
        code, output = invoke("synthesis", folder, *asked, "--steps", "1", "--held-out", "-1")
        assert code == 2
        return output

    assert "1 x unreadable_files" in said(tmp_path / "empty")
    assert "1 x no_knee" in said(archive)
    assert "1 x no_knee" in said(tmp_path / "empty")


def test_whatever_stops_the_reading_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="truncated_pixels") as caught, reading():
        raise Refused("truncated_pixels", "Cut short.")
    assert mark_of(caught.value) == {UNREAD: True}
    assert mark_of(Refused("no_knee", "No knee was found.")) == {}
    assert not is_unread({"code": "no_knee"})
    np.savez(tmp_path / "000000.npz", code="truncated_pixels", **mark_of(caught.value))
    np.savez(tmp_path / "000001.npz", code="no_knee")
    np.savez(tmp_path / "000002.npz", mr=np.zeros(2))
    forget_unread(tmp_path)
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == ["000001", "000002"]


def test_a_nifti_that_is_not_there_is_not_called_undecodable(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read_voxels(tmp_path / "ct.nii.gz")
    assert caught.value.code == "unreadable_files"
