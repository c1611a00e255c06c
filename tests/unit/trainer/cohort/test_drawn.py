"""A cohort is drawn where the images of every pair say that they were; anything else counts as patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.paired_archive import save_pair
from trainer.cohort.manifest import CohortManifest, read_manifest
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run
from trainer.phantom.header import SOFTWARE

LIMITS = CohortSettings(min_ct_slices=4, min_mr_slices=4)
DRAWN = {"SoftwareVersions": SOFTWARE}


def cohort(folder: Path) -> CohortManifest:
    run(CohortRequest(folder / "archive", folder / "out", settings=LIMITS))
    return read_manifest(folder / "out")


def test_one_patient_among_phantoms_is_a_patient(tmp_path: Path) -> None:
    save_pair(tmp_path / "archive", "P1", attributes=DRAWN)
    save_pair(tmp_path / "archive", "P2", attributes=DRAWN)
    assert cohort(tmp_path).drawn
    save_pair(tmp_path / "archive", "A7", attributes={"SoftwareVersions": "syngo CT VB20"})
    manifest = cohort(tmp_path)
    assert len(manifest.pairs) == 3
    assert not manifest.drawn


def test_images_that_do_not_say_count_as_patients(tmp_path: Path) -> None:
    save_pair(tmp_path / "archive", "P1")
    assert not cohort(tmp_path).drawn


def test_nifti_says_nothing_of_whom_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "P1" / "R"
    folder.mkdir(parents=True)
    for name, spacing in (("ct", (0.4, 0.4, 0.4)), ("mr", (0.3, 0.3, 1.5))):
        image = sitk.GetImageFromArray(np.zeros((24, 24, 24), np.int16))
        image.SetSpacing(spacing)
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    manifest = cohort(tmp_path)
    assert len(manifest.pairs) == 1
    assert not manifest.drawn


def test_an_empty_cohort_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert not cohort(tmp_path).drawn


def test_a_manifest_of_before_proves_nothing(tmp_path: Path) -> None:
    save_pair(tmp_path / "archive", "P1", attributes=DRAWN)
    older = cohort(tmp_path).model_dump_json(exclude={"drawn"})
    assert not CohortManifest.model_validate_json(older).drawn


@pytest.mark.parametrize("damage", [b"", b"no DICOM"])
def test_what_cannot_be_read_any_more_proves_nothing(tmp_path: Path, damage: bytes) -> None:
    from trainer.cohort.drawn import all_drawn

    save_pair(tmp_path / "archive", "P1", attributes=DRAWN)
    manifest = cohort(tmp_path)
    manifest.pairs[0].mr.paths(tmp_path / "archive")[0].write_bytes(damage)
    assert not all_drawn(tmp_path / "archive", manifest.pairs)
