"""An export into a folder that holds one: it becomes the copy of the cohort as it is now."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.fixtures.paired_archive import ct, mr, save, save_pair
from trainer.cli import app
from trainer.cohort.export import ExportOptions, export
from trainer.cohort.findings import Finding
from trainer.cohort.manifest import CohortManifest
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run

SECRET = bytes(range(32))
SETTINGS = CohortSettings(min_ct_slices=4, min_mr_slices=4)


def nifti_pair(archive: Path, patient: str, size: int = 6) -> None:
    """A pair of the folder convention, its right knee."""
    for name in ("ct.nii.gz", "mr.nii.gz"):
        path = archive / patient / "R" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = sitk.Image(size, size, size, sitk.sitkInt16)
        image.SetSpacing((0.3, 0.3, 1.0))
        sitk.WriteImage(image, str(path))


def cohort(tmp_path: Path) -> CohortManifest:
    return run(CohortRequest(tmp_path / "archive", tmp_path / "out", keep_ids=True, settings=SETTINGS))


def exported(tmp_path: Path, secret: bytes = SECRET) -> list[Finding]:
    return export(cohort(tmp_path), tmp_path / "archive", tmp_path / "new", secret, ExportOptions())


def copies(tmp_path: Path) -> dict[str, int]:
    """Every file of the copy, with its time."""
    root = tmp_path / "new" / "archive"
    return {
        str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()
    }


def test_who_has_left_the_cohort_leaves_its_copy(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for patient in ("stays", "leaves"):
        save_pair(archive, patient)
        nifti_pair(archive, f"{patient}-too")
    assert exported(tmp_path) == []
    before = copies(tmp_path)
    shutil.rmtree(archive / "leaves")
    shutil.rmtree(archive / "leaves-too")
    assert exported(tmp_path) == []
    after = copies(tmp_path)
    assert len({name.split("/")[0] for name in before}) == 4
    assert len({name.split("/")[0] for name in after}) == 2
    assert after.items() <= before.items(), "what was there is not made anew"
    assert len(list((tmp_path / "new" / "archive").iterdir())) == 2, "no empty folder either"
    kept = json.loads((tmp_path / "new" / "export.json").read_text())["sources"]
    assert {name.split("/")[0] for name in kept} == {name.split("/")[0] for name in after}


def test_a_series_that_is_not_chosen_any_more_goes(tmp_path: Path) -> None:
    save(tmp_path / "archive", mr("p"))
    coarse = save(tmp_path / "archive", ct("p", name="coarse", study="1", spacing=(0.9, 0.9)))
    assert exported(tmp_path) == []
    before = set(copies(tmp_path))
    save(tmp_path / "archive", ct("p", name="fine", study="2"))
    assert exported(tmp_path) == []
    gone = before - set(copies(tmp_path))
    assert len(gone) == len(coarse)
    assert len(copies(tmp_path)) == len(before)


def test_another_image_under_the_same_name_takes_the_place_of_the_old(tmp_path: Path) -> None:
    nifti_pair(tmp_path / "archive", "p")
    nifti_pair(tmp_path / "archive", "q")
    exported(tmp_path)
    before = copies(tmp_path)
    nifti_pair(tmp_path / "archive", "p", size=8)
    assert exported(tmp_path) == []
    after = copies(tmp_path)
    changed = {name for name in after if after[name] != before[name]}
    assert len(changed) == 2
    sizes = {sitk.ReadImage(str(tmp_path / "new" / "archive" / name)).GetSize() for name in changed}
    assert sizes == {(8, 8, 8)}


def test_an_archive_of_which_nothing_is_there_takes_nothing_from_the_copy(tmp_path: Path) -> None:
    """A share that is not mounted."""
    nifti_pair(tmp_path / "archive", "p")
    exported(tmp_path)
    before, table = copies(tmp_path), (tmp_path / "new" / "clinical.csv").read_text()
    manifest = cohort(tmp_path)
    findings = export(manifest, tmp_path / "nowhere", tmp_path / "new", SECRET, ExportOptions())
    assert [finding.code for finding in findings] == ["unreadable_files"]
    assert copies(tmp_path) == before
    assert (tmp_path / "new" / "clinical.csv").read_text() == table


def test_an_export_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    nifti_pair(tmp_path / "archive", "p")
    exported(tmp_path)
    before = copies(tmp_path)
    (tmp_path / "new" / "export.json").write_text(json.dumps(asdict(ExportOptions())))
    assert exported(tmp_path) == []
    after = copies(tmp_path)
    assert {name for name in after if after[name] != before[name]} == set(before)


def test_another_secret_is_refused(tmp_path: Path) -> None:
    nifti_pair(tmp_path / "archive", "p")
    exported(tmp_path)
    with pytest.raises(SettingsError, match="another secret"):
        exported(tmp_path, bytes(32))
    assert SECRET.hex() not in (tmp_path / "new" / "export.json").read_text()


@pytest.mark.parametrize("content", ["", "[]", '{"sources": 1}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    nifti_pair(tmp_path / "archive", "p")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "export.json").write_text(content)
    with pytest.raises(SettingsError, match=r"export\.json: not the record"):
        exported(tmp_path)


def test_an_archive_that_is_no_export_is_left_alone(tmp_path: Path) -> None:
    """Things are removed from an export's own archive only, above all not from the one that is exported."""
    nifti_pair(tmp_path / "archive", "p")
    manifest = cohort(tmp_path)
    for archive in (tmp_path / "archive", tmp_path / "archive" / "p"):
        with pytest.raises(SettingsError, match="the archive's own place"):
            export(manifest, archive, tmp_path, SECRET, ExportOptions())
    (tmp_path / "new" / "archive" / "foreign").mkdir(parents=True)
    with pytest.raises(SettingsError, match="is no export"):
        export(manifest, tmp_path / "archive", tmp_path / "new", SECRET, ExportOptions())
    assert (tmp_path / "new" / "archive" / "foreign").is_dir()


def test_no_secret_is_made_up(tmp_path: Path) -> None:
    nifti_pair(tmp_path / "archive", "p")
    cohort(tmp_path)
    (tmp_path / "out" / "pseudonym.key").unlink()
    command = ["cohort-export", str(tmp_path / "archive"), str(tmp_path / "new"), "--cohort"]
    for secret in ([], ["--secret", str(tmp_path / "typo.key")]):
        done = CliRunner().invoke(app, [*command, str(tmp_path / "out"), *secret], env={"COLUMNS": "400"})
        assert done.exit_code == 2
        assert "no secret is there" in done.output
    assert list(tmp_path.rglob("*.key")) == []
    assert not (tmp_path / "new").exists()
