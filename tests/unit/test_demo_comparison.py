"""The demonstration compares like with like: each subregion with the truth of its own patch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.result import Bone, OAClass, Parameter, Side
from ctsma_node.demo.comparison import compare
from ctsma_node.demo.pacs import DemoError
from ctsma_node.demo.phantom import KneeTruth, PatchTruth
from ctsma_node.demo.returned import KneeReturned, SubregionReturned
from ctsma_node.demo.run import clear
from trainer.phantom.record import lattice
from trainer.phantom.scene import draw_scene
from trainer.phantom.truth import patch_parameters

F64 = npt.NDArray[np.float64]


def linear(points: F64) -> F64:
    """Parameters (n, 4) that change along a line."""
    slope = np.outer([1e-3, 2e-3, -1e-3], [1.0, 0.5, -1.0, 2.0])
    return np.asarray(np.array([0.2, 0.2, 0.6, 1.2]) + points @ slope)


@pytest.fixture
def truth() -> KneeTruth:
    points = np.stack(np.meshgrid(*[np.arange(-20.0, 21.0, 5.0)] * 3), axis=-1).reshape(-1, 3)
    parameters = linear(points)
    parameters[::11] = np.nan
    patches = {bone: PatchTruth(points, parameters) for bone in Bone}
    return KneeTruth(Side.RIGHT, OAClass.NORMAL, 0, {}, patches)


def returned(factor: float) -> KneeReturned:
    """Subregions in one corner of the bone, where each measures `factor` times the truth."""
    centres = np.random.default_rng(1).uniform(8.0, 19.0, (100, 3))
    subregions = [
        SubregionReturned(centre, dict(zip(Parameter, map(float, values), strict=True)))
        for centre, values in zip(centres, factor * linear(centres), strict=True)
    ]
    return KneeReturned(Side.RIGHT, OAClass.NORMAL, 0.1, {}, {}, dict.fromkeys(Bone, subregions))


def test_the_truth_is_taken_where_the_subregions_lie(truth: KneeTruth) -> None:
    found = compare(returned(1.05), truth)
    assert [(each.bone, each.parameter) for each in found] == [(b, p) for b in Bone for p in Parameter]
    for each in found:
        assert each.difference == pytest.approx(0.05, abs=1e-6)
        assert each.correlation == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("bone", list(Bone))
def test_the_truth_between_the_points_is_that_of_the_patch_there(bone: Bone) -> None:
    knee = draw_scene(4, (Side.LEFT,)).knees[0]
    points = lattice(knee, bone)
    field = PatchTruth(points, patch_parameters(knee, bone, points))
    between = points[::7] + np.random.default_rng(2).uniform(-1.5, 1.5, points[::7].shape)
    known = patch_parameters(knee, bone, between)
    usual = np.isfinite(known).all(axis=1)
    error = field.at(between)[usual] - known[usual]
    assert np.all(np.abs(error.mean(axis=0)) < 0.005 * known[usual].mean(axis=0))
    assert np.all(error.std(axis=0) < 0.1 * known[usual].std(axis=0))


def test_a_second_run_keeps_the_synthetic_knees(tmp_path: Path) -> None:
    clear(tmp_path / "out")
    for name in ("node", "results", "phantom"):
        (tmp_path / "out" / name).mkdir()
    (tmp_path / "out" / "picture.png").touch()
    clear(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name[0] != "."] == ["phantom"]


def test_what_no_demonstration_made_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(DemoError, match="in the way"):
        clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
