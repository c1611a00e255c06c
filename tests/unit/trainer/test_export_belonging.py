"""A bundle joins an aggregator with the student that it was trained for, and with no other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.unit.trainer.builds import STUDENT, change_record, digest, write_build
from trainer.aggregation.answers import claim_answers, student_of
from trainer.cli import app
from trainer.stage import MANIFEST, write_manifest


def bundle(build: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["bundle", "--build", str(build), "--out", str(build / "bundle")])
    return done.exit_code, " ".join(done.output.split())


def test_an_aggregator_that_was_asked_for_another_student_is_refused(tmp_path: Path) -> None:
    build = write_build(tmp_path, drawn=True)
    change_record(build / "aggregator", asked_student=student_of(None))
    assert bundle(build)[0] == 0, "its student is the default bundle's"
    change_record(build / "aggregator", asked_student="0" * 64)
    code, said = bundle(build)
    assert code == 2
    assert "run ctsma-train aggregator again" in said


def test_a_student_that_was_trained_again_needs_an_aggregator_of_its_own(tmp_path: Path) -> None:
    build = write_build(tmp_path, drawn=True)
    np.savez(build / STUDENT / "predictions.npz", answers=np.ones(3))
    code, said = bundle(build)
    assert code == 2
    assert "errors of another student" in said
    assert not (build / "bundle").exists()


def test_answers_about_scans_are_the_students_too(tmp_path: Path) -> None:
    build = write_build(tmp_path, drawn=True)
    (build / STUDENT / "scans").mkdir()
    files = [build / STUDENT / "predictions.npz", build / STUDENT / "scans" / "predictions.npz"]
    np.savez(files[1], answers=np.ones(3))
    write_manifest(build / "aggregator", {"figures": {}}, files)
    assert bundle(build)[0] == 0
    np.savez(files[1], answers=np.full(3, 2.0))
    assert bundle(build)[0] == 2


def test_a_record_that_kept_one_of_two_inputs_is_read_still(tmp_path: Path) -> None:
    """Both had the name predictions.npz, and the last one stayed."""
    build = write_build(tmp_path, drawn=True)
    (build / STUDENT / "scans").mkdir()
    np.savez(build / STUDENT / "scans" / "predictions.npz", answers=np.ones(3))
    record = json.loads((build / "aggregator" / MANIFEST).read_text())
    record["inputs"] = {"predictions.npz": digest(build / STUDENT / "scans" / "predictions.npz")}
    (build / "aggregator" / MANIFEST).write_text(json.dumps(record))
    assert bundle(build)[0] == 0


def test_answers_by_other_bones_are_asked_anew(tmp_path: Path) -> None:
    write_build(tmp_path / "build", drawn=True)
    assert bundle(tmp_path / "build")[0] == 0
    made, answers = tmp_path / "build" / "bundle", tmp_path / "answers"
    claim_answers(answers, None)
    claim_answers(answers, made)
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"]["segmenter.safetensors"]["sha256"] = "0" * 64
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SettingsError, match="another segmenter"):
        claim_answers(answers, made)
    assert student_of(made) == student_of(None)
