"""Folds over several runs into one folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from trainer.cohort.manifest import CohortManifest
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three patients, the eight that joined them, and a folder on which nothing is mounted."""
    root = tmp_path_factory.mktemp("archives")
    sets = {"first": "A1 A2 A3", "grown": "A1 A2 A3 A4 A5 A6 A7 A8 B1 B2 B3", "lost": "A1 A2", "empty": ""}
    for name, patients in sets.items():
        (root / name).mkdir()
        for patient in patients.split():
            folder = root / name / patient / "R"
            folder.mkdir(parents=True)
            image = sitk.Image(4, 4, 4, sitk.sitkInt16)
            image.SetSpacing((0.3, 0.3, 1.0))
            for modality in ("ct", "mr"):
                sitk.WriteImage(image, str(folder / f"{modality}.nii"))
    return {name: root / name for name in sets}


def cohort(archive: Path, out: Path, folds: int = 5) -> CohortManifest:
    return run(CohortRequest(archive, out, keep_ids=True, settings=CohortSettings(folds=folds)))


def folds_of(manifest: CohortManifest) -> dict[str, int]:
    return {pair.pseudonym: pair.fold for pair in manifest.pairs}


@pytest.mark.parametrize("between", [["empty"], ["lost", "empty"], ["empty", "lost"]])
def test_who_comes_back_has_the_old_fold(
    archives: dict[str, Path], tmp_path: Path, between: list[str]
) -> None:
    cohort(archives["first"], tmp_path / "out")
    grown = cohort(archives["grown"], tmp_path / "out")
    assert folds_of(grown) != folds_of(cohort(archives["grown"], tmp_path / "anew")), "the runs before count"
    for name in between:
        assert len(cohort(archives[name], tmp_path / "out").pairs) == {"lost": 2, "empty": 0}[name]
    assert cohort(archives["grown"], tmp_path / "out") == grown


def test_a_manifest_made_before_folds_were_kept_is_gone_on_from(
    archives: dict[str, Path], tmp_path: Path
) -> None:
    cohort(archives["first"], tmp_path / "out")
    grown = cohort(archives["grown"], tmp_path / "out")
    path = tmp_path / "out" / "cohort.json"
    content = json.loads(path.read_text())
    assert content.pop("folds") == folds_of(grown)
    path.write_text(json.dumps(content))
    assert folds_of(cohort(archives["grown"], tmp_path / "out")) == folds_of(grown)


def test_another_number_of_folds_begins_anew(archives: dict[str, Path], tmp_path: Path) -> None:
    cohort(archives["grown"], tmp_path / "out")
    fewer = cohort(archives["lost"], tmp_path / "out", folds=2)
    assert set(fewer.folds) == {"A1", "A2"}
    assert set(fewer.folds.values()) <= {0, 1}
