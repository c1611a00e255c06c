"""What is laid over what: an MR of known place comes to lie on its CT, whatever way its slices run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.grid import SIZE, knee_affine
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume, apply
from trainer.mr import MRVolume
from trainer.registration.knee import CTKnee
from trainer.synthesis import slices
from trainer.synthesis.grid import NOTHING, SliceGrid, hu_of, scaled_hu
from trainer.synthesis.slices import SliceRequest, moved, on_grid, slice_item

CENTRE = np.array([-90.0, 12.0, -30.0])
GRID = SliceGrid(pixels=36, slices=30, step_mm=3.0)
BALLS = {Bone.FEMUR: (np.array([3.0, -4.0, 26.0]), 20.0), Bone.TIBIA: (np.array([-2.0, 5.0, -24.0]), 17.0)}


def balls(lps: Array) -> npt.NDArray[np.uint8]:
    """1 in the femur, 2 in the tibia: two balls, of the CT's frame."""
    out = np.zeros(lps.shape[:-1], dtype=np.uint8)
    for label, (at, radius) in enumerate(BALLS.values(), start=1):
        out[np.linalg.norm(lps - CENTRE - at, axis=-1) < radius] = label
    return out


def points(affine: Array, size: tuple[int, int, int]) -> Array:
    """LPS (k, j, i, 3) of a grid's voxels."""
    k, j, i = np.indices(size[::-1])
    return apply(affine, np.stack([i, j, k], axis=-1))


def motion() -> Array:
    out = np.eye(4)
    out[:3, :3] = Rotation.from_euler("xyz", [9.0, -6.0, 4.0], degrees=True).as_matrix()
    out[:3, 3] = [60.0, -20.0, 45.0]
    return out


def mr_of(ct_to_mr: Array, axes: npt.ArrayLike) -> MRVolume:
    """The balls where the motion takes them, scanned along the given axes (columns)."""
    size, spacing = (80, 80, 50), np.array([1.7, 1.7, 2.6])
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(axes, dtype=np.float64) * spacing
    affine[:3, 3] = apply(ct_to_mr, CENTRE) - affine[:3, :3] @ ((np.array(size) - 1) / 2.0)
    back = apply(np.asarray(np.linalg.inv(ct_to_mr)), points(affine, size))
    return MRVolume((200.0 + 600.0 * (balls(back) > 0)).astype(np.float32), affine)


@pytest.fixture(scope="module")
def knee() -> CTKnee:
    affine = knee_affine(CENTRE)
    labels = balls(points(affine, SIZE))
    hu = np.where(labels > 0, 400.0, -80.0).astype(np.float32)
    return CTKnee(Side.RIGHT, hu, labels, affine)


_SAGITTAL = [[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
_REVERSED = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
_OBLIQUE = Rotation.from_euler("xyz", [20.0, 10.0, -15.0], degrees=True).as_matrix() @ np.array(_SAGITTAL)


@pytest.mark.parametrize("axes", [_SAGITTAL, _REVERSED, _OBLIQUE], ids=["sagittal", "reversed", "oblique"])
def test_both_images_and_the_labels_lie_on_one_another(knee: CTKnee, axes: list[list[float]]) -> None:
    item = on_grid(CTVolume(knee.hu, knee.affine), mr_of(motion(), axes), knee, motion(), GRID)
    assert item["mr"].shape == item["ct"].shape == item["labels"].shape == GRID.size[::-1]
    expected = balls(points(item["affine"], GRID.size))
    seen = item["ct"] > NOTHING
    assert seen.mean() > 0.6
    for found in (item["labels"] > 0, item["ct"] > -0.42, item["mr"] > 0.2):
        both = np.stack([found[seen], expected[seen] > 0])
        assert 2.0 * both.all(axis=0).sum() / both.sum() > 0.93
    assert set(np.unique(item["labels"])) == {0, 1, 2}
    assert (item["labels"][seen & (expected == 2)] == 2).mean() > 0.9


def test_neither_shows_what_the_other_does_not_reach(knee: CTKnee) -> None:
    short = CTVolume(knee.hu[:40], knee.affine)
    item = on_grid(short, mr_of(motion(), _SAGITTAL), knee, motion(), GRID)
    whole = on_grid(CTVolume(knee.hu, knee.affine), mr_of(motion(), _SAGITTAL), knee, motion(), GRID)
    assert (item["mr"] > NOTHING).sum() < 0.7 * (whole["mr"] > NOTHING).sum()
    assert np.array_equal(item["mr"] > NOTHING, item["ct"] > NOTHING)


def test_an_mr_that_is_not_there_is_nothing() -> None:
    far = motion()
    far[:3, 3] += 900.0
    signal, covered = moved(mr_of(motion(), _SAGITTAL), far, GRID.affine(CENTRE), GRID.size)
    assert not covered.any()
    assert (signal == NOTHING).all()


def test_the_grids_middle_is_its_centre_and_hu_come_back() -> None:
    middle = apply(GRID.affine(CENTRE), (np.array(GRID.size) - 1) / 2.0)
    assert middle == pytest.approx(CENTRE)
    hu = np.array([-300.0, 0.0, 640.0, 1300.0], dtype=np.float32)
    assert hu_of(scaled_hu(hu)) == pytest.approx(hu, abs=1e-3)
    assert scaled_hu(np.array([-1024.0, 3000.0], dtype=np.float32)).tolist() == [-1.0, 1.0]


def test_a_refused_pair_has_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> CTKnee:
        raise Refused("no_knee", "No knee was found.")

    pair = SimpleNamespace(pair_id="P1-R", fold=3, ct=None, mr=None, side="R")
    monkeypatch.setattr(slices, "read_manifest", lambda _: SimpleNamespace(pairs=(pair,)))
    for name in ("read_ct", "read_mr", "_analyser"):
        monkeypatch.setattr(slices, name, lambda *_: None)
    monkeypatch.setattr(slices, "knee_of", refuse)
    item = slice_item(SliceRequest(tmp_path, tmp_path, GRID), 0)
    assert item == {"pair_id": "P1-R", "fold": 3, "code": "no_knee", "text": "No knee was found."}


def test_one_motion_lies_between_those_of_the_bones(monkeypatch: pytest.MonkeyPatch, knee: CTKnee) -> None:
    bent = {Bone.FEMUR: turned(8.0), Bone.TIBIA: turned(-8.0)}
    start = SimpleNamespace(transforms=bent)
    monkeypatch.setattr(slices, "global_starts", lambda *_: [start])
    found = slices.whole_knee(knee, mr_of(motion(), _SAGITTAL))
    assert found[:3, :3] == pytest.approx(np.eye(3), abs=1e-6)
    assert found[:3, :3] @ CENTRE + found[:3, 3] == pytest.approx(CENTRE, abs=3.0)


def turned(degrees: float) -> Array:
    out = np.eye(4)
    out[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    out[:3, 3] = CENTRE - out[:3, :3] @ CENTRE
    return out
