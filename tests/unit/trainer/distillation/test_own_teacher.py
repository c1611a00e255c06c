"""A student is taught by teachers of the same folds alone: others have seen those whom it is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.trainer.distillation.cohorts import deal_otherwise, write_cohort, write_scans
from trainer.cli import app
from trainer.distillation.cohort_patches import read_cohort_patches
from trainer.patches.store import STORE, PatchStore, write_group


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("patches"))


@pytest.fixture(scope="module")
def teacher(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("teacher")
    assert train("teacher", cohort, out).exit_code == 0
    return out


def train(role: str, patches: Path, out: Path, *options: str) -> Result:
    short = ["--patches", str(patches), "--out", str(out), "--steps", "2", "--jobs", "1", *options]
    return CliRunner().invoke(app, [role, *short, "--precision", "single"])


def taught(patches: Path, teacher: Path, out: Path, *options: str) -> Result:
    return train("student", patches, out, "--teacher", str(teacher), *options)


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_a_teacher_of_folds_that_are_dealt_otherwise_is_refused(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    assert taught(cohort, teacher, tmp_path / "own").exit_code == 0
    result = taught(deal_otherwise(cohort, tmp_path / "dealt"), teacher, tmp_path / "out")
    assert result.exit_code == 2
    assert "no teacher of these students" in said(result)
    assert "(patches)" in said(result)
    assert not list((tmp_path / "out").glob("*.safetensors"))


def test_a_teacher_that_has_seen_the_validation_folds_is_refused(
    cohort: Path, teacher: Path, tmp_path: Path
) -> None:
    result = taught(cohort, teacher, tmp_path / "out", "--validate")
    assert result.exit_code == 2
    assert "ctsma-train teacher --validate" in said(result)
    assert train("teacher", cohort, tmp_path / "theirs", "--validate").exit_code == 0
    assert taught(cohort, tmp_path / "theirs", tmp_path / "out", "--validate").exit_code == 0


def test_networks_without_their_record_teach_nobody(cohort: Path, teacher: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in teacher.glob("*.safetensors"):
        (bare / path.name).write_bytes(path.read_bytes())
    result = taught(cohort, bare, tmp_path / "out")
    assert result.exit_code == 2
    assert "ctsma-train teacher" in said(result)


def test_a_pair_without_a_patch_that_counts_is_no_other_cohort(tmp_path: Path) -> None:
    """The last pair has too little bone to count; with scans after it, it is still one of the teacher's."""
    cohort, scans = write_cohort(tmp_path / "pairs"), write_scans(tmp_path / "scans")
    store = PatchStore(cohort / STORE)
    last = store.pairs[-1]
    names = ["ct", "ct_mask", "label", "bone", "subregion", "context", "ct_protocols", "protocol_contexts"]
    arrays, about = store.read(last, names), store.attributes(last)
    arrays["ct_mask"][:] = False
    write_group(store.path, last, arrays, about)
    alone = read_cohort_patches(cohort, with_mr=False)
    both = read_cohort_patches(cohort, with_mr=False, scans=scans)
    assert both.of_pairs().content_digest == alone.content_digest
