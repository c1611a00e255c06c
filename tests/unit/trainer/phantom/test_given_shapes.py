"""Given shapes are kept in form, on either side, whatever the image's axes; a cut shaft goes on."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from ctsma_node.analysis.result import Side
from ctsma_node.errors import SettingsError
from ctsma_node.volume import apply
from trainer.phantom.knee import Knee
from trainer.phantom.painting import label_on
from trainer.phantom.scene import draw_scene
from trainer.phantom.shapes import Shapes, in_shapes, read_shapes
from trainer.phantom.structure import LABELS, Channel, Part

SIZE = (150, 140, 130)
VALUES = {part: 10 + value for part, value in LABELS.items()}


@functools.cache
def labels_of(seed: int, side: Side) -> tuple[npt.NDArray[np.uint8], Knee]:
    """[k, j, i] every mm along LPS about the joint, and the knee."""
    (knee,) = draw_scene(seed, (side,), flexion=0.0).knees
    straight = knee.posed(knee.posture, np.eye(4))
    return label_on(_Painted(straight), about_the_joint(), SIZE), straight


class _Painted:
    layers = ()

    def __init__(self, knee: Knee) -> None:
        self.knees = (knee,)


def about_the_joint() -> npt.NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, 3] = [-75.0, -70.0, -65.0]
    return affine


def written(path: Path, labels: npt.NDArray[np.uint8]) -> Path:
    """As a sagittal image: its axes run along P, I and L."""
    image = sitk.GetImageFromArray(np.where(labels > 0, labels + 10, 0).astype(np.uint8))
    image.SetOrigin(about_the_joint()[:3, 3].tolist())
    sagittal = sitk.PermuteAxes(image, [1, 2, 0])
    sitk.WriteImage(sitk.Flip(sagittal, [False, True, False]), str(path))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@pytest.fixture(scope="module")
def right(folder: Path) -> Shapes:
    return read_shapes(written(folder / "right.nrrd", labels_of(5, Side.RIGHT)[0]), VALUES)


def dice(knee: Knee, labels: npt.NDArray[np.uint8], part: Part) -> float:
    """At the best shift along the leg and across it: the joint's place is the drawn knee's."""
    mine = label_on(_Painted(knee), about_the_joint(), SIZE) == LABELS[part]
    other = labels == LABELS[part]
    centre = [np.rint(np.argwhere(each[40:90]).mean(axis=0)).astype(int) for each in (mine, other)]
    moved = np.roll(other, tuple(centre[0] - centre[1]), axis=(0, 1, 2))[30:100]
    return float(2 * (mine[30:100] & moved).sum() / (mine[30:100].sum() + moved.sum()))


@pytest.mark.parametrize("side", list(Side))
def test_the_bones_keep_their_form(right: Shapes, side: Side) -> None:
    labels, _ = labels_of(5, Side.RIGHT)
    _, drawn = labels_of(6, side)
    knee = in_shapes(drawn, right)
    wanted = labels if side is Side.RIGHT else labels[..., ::-1]
    for part in (Part.FEMUR, Part.TIBIA):
        assert dice(knee, wanted, part) > 0.95
        assert dice(drawn, wanted, part) < 0.95


def test_a_cut_shaft_goes_on_and_the_bone_is_filled(right: Shapes) -> None:
    knee = in_shapes(labels_of(6, Side.RIGHT)[1], right)
    femur = knee.structures[Part.FEMUR].maps
    assert (femur[-1, ..., Channel.DISTANCE] < 0.0).any()
    epiphysis = femur[75:90]
    assert np.median(epiphysis[..., Channel.BVTV][epiphysis[..., Channel.DISTANCE] < -3.0]) > 0.1


def test_a_larger_one_is_larger_and_a_bone_that_is_missing_is_drawn(right: Shapes) -> None:
    drawn = labels_of(6, Side.RIGHT)[1]
    without = Shapes({part: share for part, share in right.bones.items() if part is not Part.FIBULA})
    knee, larger = in_shapes(drawn, without), in_shapes(drawn, without, 1.08)
    sizes = [
        (each.structures[Part.TIBIA].maps[..., 0] < 0.0).sum() * each.structures[Part.TIBIA].step ** 3
        for each in (knee, larger)
    ]
    assert sizes[1] / sizes[0] == pytest.approx(1.08**3, rel=0.01)
    assert knee.structures[Part.FIBULA] is drawn.structures[Part.FIBULA]


def patella_gap(knee: Knee, pose: npt.NDArray[np.float64]) -> float:
    """From within the patella, so that it is up to two samples more than from its surface."""
    femur, patella = (knee.structures[part] for part in (Part.FEMUR, Part.PATELLA))
    k, j, i = np.nonzero(patella.maps[..., Channel.DISTANCE] < 0.0)
    inside = patella.origin + patella.step * np.stack([i, j, k], axis=1)
    on_femur = apply(np.linalg.inv(knee.poses[Part.FEMUR]) @ pose, inside)
    return float(femur.at(on_femur)[:, Channel.DISTANCE].min())


@pytest.mark.parametrize("scale", [0.92, 1.08])
def test_a_drawn_patella_is_seated_on_the_other_femur(right: Shapes, scale: float) -> None:
    drawn = labels_of(6, Side.LEFT)[1]
    knee = in_shapes(drawn, Shapes({p: s for p, s in right.bones.items() if p is not Part.PATELLA}), scale)
    wanted = drawn.anatomy.patella.gap
    assert 0.0 < patella_gap(knee, knee.poses[Part.PATELLA]) - wanted < 2.5
    assert not 0.0 < patella_gap(knee, drawn.poses[Part.PATELLA]) - wanted < 2.5


def test_what_cannot_be_used_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not an image"):
        read_shapes(tmp_path / "none.nrrd", VALUES)
    with pytest.raises(SettingsError, match="label of femur"):
        read_shapes(written(folder / "again.nrrd", labels_of(5, Side.RIGHT)[0]), VALUES | {Part.FEMUR: 99})
