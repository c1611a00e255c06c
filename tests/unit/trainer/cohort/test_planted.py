"""The command on an archive with planted faults: each is found and named, and the good pairs go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.paired_archive import save_pair
from tests.unit.trainer.cohort.planted import FAULTS, NAMES, Fault, plant_names
from trainer.cohort.manifest import CohortManifest, FindingEntry, read_manifest

ROOT = Path(__file__).parents[4]
GOOD = ("good-1", "good-2", "good-3")
LIMITS = "min_ct_slices = 6\nmin_mr_slices = 6\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CohortManifest, str]:
    """The manifest of the archive, and what the command printed."""
    folder = tmp_path_factory.mktemp("planted")
    archive = folder / "archive"
    for patient in GOOD:
        save_pair(archive, patient)
    for fault in FAULTS:
        fault.plant(archive, fault.patient)
    plant_names(archive)
    (folder / "limits.toml").write_text(LIMITS)
    (folder / "clinical.csv").write_text("patient_id,side,kl\ngood-1,R,2\nKL-7,R,7\nnobody,L,0\n")
    command = [sys.executable, "-m", "trainer.cli", "cohort", str(archive), "--keep-ids"]
    command += ["--clinical", str(folder / "clinical.csv"), "--out", str(folder / "out")]
    command += ["--settings", str(folder / "limits.toml")]
    ended = subprocess.run(
        [*_without_roots_rights(), *command],
        capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return read_manifest(folder / "out"), ended.stdout


def _without_roots_rights() -> list[str]:
    """A prefix that takes the right to read every file from root, who else would meet no locked one."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        return []
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]


def _findings(manifest: CohortManifest) -> tuple[FindingEntry, ...]:
    return manifest.left_out + manifest.remarks


def _is_about(finding: FindingEntry, patient: str) -> bool:
    return patient in finding.path.split("/") or finding.pseudonym == patient


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.patient)
def test_each_fault_is_named(fault: Fault, done: tuple[CohortManifest, str]) -> None:
    manifest, printed = done
    if fault.code == "no_permission" and os.geteuid() == 0 and not _without_roots_rights():
        pytest.skip("root reads every file, and setpriv is not installed")
    named = {finding.code for finding in _findings(manifest) if _is_about(finding, fault.patient)}
    if fault.code in ("clinical_value", "dicomdir"):
        named = {finding.code for finding in _findings(manifest)}
    assert fault.code in named
    assert fault.code in printed
    assert sum(pair.pseudonym.startswith(fault.patient) for pair in manifest.pairs) == fault.pairs


@pytest.mark.parametrize("patient", GOOD)
def test_a_good_pair_goes_on_without_a_word(patient: str, done: tuple[CohortManifest, str]) -> None:
    manifest, _ = done
    assert [pair.pair_id for pair in manifest.pairs if pair.pseudonym == patient] == [f"{patient}-R"]
    named = {finding.code for finding in _findings(manifest) if _is_about(finding, patient)}
    assert named <= {"clinical_missing"}


@pytest.mark.parametrize("language", NAMES)
def test_names_in_any_script_are_paired(language: str, done: tuple[CohortManifest, str]) -> None:
    manifest, _ = done
    for kind, codes in (("declared", set()), ("undeclared", {"undeclared_character_set"})):
        patient = f"{language}-{kind}"
        assert [pair.pair_id for pair in manifest.pairs if pair.pseudonym == patient] == [f"{patient}-R"]
        named = {finding.code for finding in _findings(manifest) if _is_about(finding, patient)}
        assert named - {"clinical_missing"} == codes


def test_rows_are_named_by_number_and_column(done: tuple[CohortManifest, str]) -> None:
    manifest, _ = done
    texts = {finding.code: finding.text for finding in manifest.left_out if finding.code.startswith("clin")}
    assert "row 3, column kl: 7 is not from 0 to 4" in texts["clinical_value"]
    assert "row 4" in texts["clinical_no_images"]


def test_no_name_or_birth_date_is_written(done: tuple[CohortManifest, str]) -> None:
    manifest, printed = done
    text = manifest.model_dump_json() + printed
    assert [each for each in ("Knee^", "Yamada", "19600504", "19500101") if each in text] == []


def test_nothing_else_was_noticed(done: tuple[CohortManifest, str]) -> None:
    """No code turns up that no fault accounts for."""
    manifest, _ = done
    expected = {fault.code for fault in FAULTS} | {"undeclared_character_set", "clinical_missing"}
    expected |= {"clinical_no_images", "missing_slices", "no_mr", "no_ct"}
    assert {finding.code for finding in _findings(manifest)} == expected
