from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.cli import app
from trainer.distillation.cohort_patches import read_cohort_patches
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.ceiling import ceiling
from trainer.evaluation.regression.conditions import FOLDER, by_protocol, shifted_labels
from trainer.evaluation.regression.predictions import Predictions
from trainer.patches.protocols import PROTOCOLS
from trainer.patches.shifted import SHIFTS_MM


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    return write_cohort(tmp_path / "patches")


def predicted(cohort: Path, noise: float) -> Predictions:
    """The labels with noise."""
    p = read_cohort_patches(cohort, with_mr=False)
    label = p.label.numpy()
    rng = np.random.default_rng(1)
    return Predictions(
        estimate=(label + noise * label.std(axis=0) * rng.standard_normal(label.shape)).astype(np.float32),
        label=label,
        pair=np.array(p.pairs)[p.pair.numpy()],
        fold=p.fold.numpy(),
        bone=p.bone.numpy(),
        subregion=p.subregion.numpy(),
        row=p.row.numpy(),
    )


def test_each_protocol_is_scored_by_name(cohort: Path, tmp_path: Path) -> None:
    method = tmp_path / "method"
    predictions.write(method, predicted(cohort, 0.1))
    for number in range(len(PROTOCOLS)):
        predictions.write(method / FOLDER / str(number), predicted(cohort, 0.2 + 0.1 * number))
    figures = by_protocol(method, 100, 0)
    assert list(figures)[1:] == [protocol.name for protocol in PROTOCOLS]
    overall = [of["overall"]["pooled"] for of in figures.values()]
    assert overall == sorted(overall, reverse=True)
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app, ["evaluate", "robustness", str(method), "--out", str(out), "--times", "100"]
    )
    assert result.exit_code == 0, result.output
    assert PROTOCOLS[1].name in (out / "robustness.txt").read_text()


def test_a_method_without_protocols_is_named(cohort: Path, tmp_path: Path) -> None:
    predictions.write(tmp_path / "method", predicted(cohort, 0.1))
    with pytest.raises(SettingsError, match="protocols"):
        by_protocol(tmp_path / "method", 100, 0)


def test_labels_beside_a_patch_come_in_the_order_of_the_predictions(cohort: Path, tmp_path: Path) -> None:
    found = predicted(cohort, 0.1)
    labels = shifted_labels(cohort, found)
    assert list(labels) == [0.0, *SHIFTS_MM]
    for number, mm in enumerate(SHIFTS_MM):
        np.testing.assert_allclose(labels[mm], found.label * (1.0 + 0.1 * (number + 1)), rtol=1e-5)
    method, out = tmp_path / "method", tmp_path / "out"
    predictions.write(method, found)
    asked = ["evaluate", "misalignment", str(method), "--patches", str(cohort), "--out", str(out)]
    result = CliRunner().invoke(app, [*asked, "--times", "100"])
    assert result.exit_code == 0, result.output
    assert "3.67" in result.output
    assert (out / "misalignment.png").is_file()
    assert "3.67" in (out / "misalignment.txt").read_text()


def test_the_ceiling_is_of_the_patches_that_both_have(cohort: Path, tmp_path: Path) -> None:
    truth = write_cohort(tmp_path / "truth", pairs=4)
    methods = {name: predicted(cohort, noise) for name, noise in (("good", 0.1), ("poor", 1.0))}
    found = ceiling(methods, cohort, truth)
    assert (found["pairs"], found["patches"]) == (4, 4 * 22)
    assert found["labels"]["overall"] == pytest.approx(1.0)
    for of in found["methods"].values():
        assert of["true"] == pytest.approx(of["registered"], abs=1e-6)
    assert found["methods"]["good"]["true"]["overall"] > found["methods"]["poor"]["true"]["overall"]
    for name, method in methods.items():
        predictions.write(tmp_path / name, method)
    folders = [str(tmp_path / name) for name in methods]
    options = [
        "--patches",
        str(cohort),
        "--truth",
        str(truth),
        "--out",
        str(tmp_path / "out"),
        "--times",
        "100",
    ]
    result = CliRunner().invoke(app, ["evaluate", "regression", *folders, *options])
    assert result.exit_code == 0, result.output
    assert "true transforms" in (tmp_path / "out" / "table5.txt").read_text()


def test_patches_of_other_sites_have_no_ceiling(cohort: Path, tmp_path: Path) -> None:
    elsewhere = write_cohort(tmp_path / "truth", patches=30)
    with pytest.raises(SettingsError, match="in common"):
        ceiling({"good": predicted(cohort, 0.1)}, cohort, elsewhere)


def test_a_ceiling_without_patches_is_told_the_command(cohort: Path, tmp_path: Path) -> None:
    methods = {"good": predicted(cohort, 0.1)}
    for patches, truth in ((cohort, tmp_path / "none"), (tmp_path / "none", cohort)):
        with pytest.raises(SettingsError, match="ctsma-train patches"):
            ceiling(methods, patches, truth)
