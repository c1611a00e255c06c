"""Knees in others' shapes are staged by their true parameters, and by a student's answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from ctsma_node.analysis.result import Bone, CartilageRegion, OAClass
from trainer.cli import app
from trainer.evaluation.shapes import staging
from trainer.evaluation.shapes.staging import KneesInShapes
from trainer.phantom.structure import Part

RNG = np.random.default_rng(9)
OFF = 1.3
"""What the student answers is so many times the truth."""


def parameters_of(scene: Any, templates: Any) -> dict[str, Any]:
    """In place of the parameters of a drawn knee: the worse, the denser."""
    knee = scene
    worse = list(OAClass).index(knee) - 1.0
    return {
        "truth": np.exp(RNG.normal(worse, 0.05, (200, 4)) + np.log([0.3, 0.2, 0.7, 1.1])),
        "positions": RNG.normal(0.0, 20.0, (200, 3)),
        "oa_class": np.array(list(OAClass).index(knee)),
        "cartilage": np.full(len(CartilageRegion), 2 * (worse + 1.0)),
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One label image, and twelve answers of a student."""
    labels = np.zeros((40, 20, 20), dtype=np.uint8)
    labels[22:, 5:15, 5:15], labels[:18, 5:15, 5:15] = 1, 2
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / "knee.nrrd"))
    (tmp_path / "answers").mkdir()
    for number in range(12):
        truth = np.exp(RNG.normal(size=(200, 4)))
        values = truth * OFF * np.exp(RNG.normal(0.0, 0.02, truth.shape))
        np.savez(
            tmp_path / "answers" / f"{number}.npz",
            values=values,
            truth=truth,
            positions=truth[:, :3],
            oa_class=np.array(number % 3),
            cartilage=np.full(5, 1.0),
        )
    monkeypatch.setattr(staging, "parameters_of", parameters_of)
    monkeypatch.setattr(staging, "scene_in_shapes", lambda seed, shapes: list(OAClass)[seed % 3])
    return tmp_path


def staged(folder: Path, *more: str) -> Any:
    argv = ["evaluate", "staging", str(folder / "knee.nrrd"), "--answers", str(folder / "answers")]
    return CliRunner().invoke(
        app, [*argv, "--knees", "12", "--jobs", "1", "--out", str(folder / "out"), *more]
    )


def test_both_columns_are_told_and_the_knees_kept(folder: Path) -> None:
    found = staged(folder)
    assert found.exit_code == 0, found.output
    figures = json.loads((folder / "out" / "staging.json").read_text())
    truth, seen = figures["true parameters"], figures["with the student's errors"]
    assert (truth["knees"], seen["knees"]) == (12.0, 48.0)
    assert truth["mae"] != seen["mae"]
    assert len(list((folder / "out" / "knees").glob("*/*.npz"))) == 12
    assert "above one half, normal" in found.output


def test_knees_of_other_shapes_labels_side_or_subregions_are_made_anew(folder: Path) -> None:
    other = sitk.ReadImage(str(folder / "knee.nrrd"))
    other[0, 0, 0] = 1
    sitk.WriteImage(other, str(folder / "other.nrrd"))
    sitk.WriteImage(other, str(folder / "same.nrrd"))
    labels = ((Part.FEMUR, 1), (Part.TIBIA, 2))
    one = KneesInShapes((folder / "knee.nrrd",), labels, False, {})
    others = (
        replace(one, files=(folder / "other.nrrd",)),
        replace(one, files=(folder / "knee.nrrd", folder / "other.nrrd")),
        replace(one, labels=((Part.FEMUR, 2), (Part.TIBIA, 1))),
        replace(one, left=True),
        replace(one, templates={Bone.FEMUR: ((0.0, 0.0, 0.0),)}),
    )
    assert len({each.digest for each in (one, *others)}) == 6
    assert replace(one, files=(folder / "same.nrrd",)).digest == others[0].digest


def test_a_second_run_with_another_option_does_not_take_the_first_ones_knees(folder: Path) -> None:
    for more in ((), (), ("--left",)):
        assert staged(folder, *more).exit_code == 0
    kept = list((folder / "out" / "knees").glob("*/*.npz"))
    assert len(kept) == 24
    assert len({path.parent for path in kept}) == 2


def test_what_a_killed_run_left_beside_the_answers_is_not_read(folder: Path) -> None:
    (folder / "answers" / "000012.4711.part.npz").write_bytes(b"cut")
    assert staged(folder).exit_code == 0


def test_what_cannot_be_used_is_said(folder: Path) -> None:
    nothing = staged(folder, "--femur", "9")
    assert (nothing.exit_code, "label of femur" in nothing.output) == (2, True)
    for path in (folder / "answers").glob("1*.npz"):
        path.unlink()
    few = staged(folder)
    assert (few.exit_code, "scans were answered" in few.output.replace("\n", " ")) == (2, True)


def test_answers_of_another_student_are_refused(folder: Path) -> None:
    (folder / "answers" / "student").write_text("0" * 64)
    found = staged(folder)
    assert (found.exit_code, "another student" in " ".join(found.output.split())) == (2, True)


def test_what_is_missing_is_named(folder: Path) -> None:
    found = staged(folder, str(folder / "nowhere.nrrd"))
    assert found.exit_code == 2
    assert "nowhere.nrrd" in "".join(found.output.split())
    for answer in (folder / "answers").iterdir():
        answer.unlink()
    found = staged(folder)
    assert found.exit_code == 2
    assert "holds no answers" in " ".join(found.output.split())
