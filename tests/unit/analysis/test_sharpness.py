"""Blur, enhanced edges and doubled ones are told from the image alone, whatever else is in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from ctsma_node.analysis.grid import SIZE
from ctsma_node.analysis.sharpness import Sharpness, sharpness, sharpness_marks

SHAPE = SIZE[::-1]
COVERED = np.ones(SHAPE, dtype=bool)
_K, _J, _I = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
_AT = ((_K - 45) / 34) ** 2 + ((_I - 75) / 30) ** 2
FEMUR = _AT + ((_J - 50) / 24) ** 2 < 1
TIBIA = _AT + ((_J - 102) / 22) ** 2 < 1
LABELS = (FEMUR + 2 * TIBIA).astype(np.uint8)


@pytest.fixture(scope="module")
def image() -> npt.NDArray[np.float32]:
    """Two bones with trabeculae and noise, as a grid of 1 mm shows them."""
    drawn = np.random.default_rng(3)
    texture = ndimage.gaussian_filter(drawn.normal(0.0, 1.0, SHAPE), 0.8)
    hu = 40.0 + (FEMUR | TIBIA) * (300.0 + 700.0 * texture)
    noise = ndimage.gaussian_filter(drawn.normal(0.0, 80.0, SHAPE), 0.6)
    return np.asarray(ndimage.gaussian_filter(hu, 0.6) + noise, dtype=np.float32)


def measured(hu: npt.NDArray[np.float32]) -> Sharpness:
    found = sharpness(hu, LABELS, COVERED)
    assert found is not None
    return found


@pytest.mark.parametrize("axis", range(3))
def test_blur_takes_fine_detail_from_its_axis_alone(image: npt.NDArray[np.float32], axis: int) -> None:
    sound, blurred = measured(image), measured(ndimage.gaussian_filter1d(image, 2.5, axis))
    lost = sound.fine - blurred.fine
    assert lost[axis] > 5.0
    assert np.abs(np.delete(lost, axis)).max() < 1.0


def test_enhanced_edges_are_steeper(image: npt.NDArray[np.float32]) -> None:
    enhanced = image + 2.5 * (image - ndimage.gaussian_filter(image, (0.0, 0.64, 0.64)))
    rise = measured(enhanced).fine - measured(image).fine
    assert rise[1:].min() > 0.8
    assert abs(rise[0]) < 0.3


def test_what_is_there_twice_leaves_an_echo(image: npt.NDArray[np.float32]) -> None:
    double = 0.5 * (image + np.roll(image, (2, 3, -2), (0, 1, 2)))
    assert measured(image).echo < 0.1
    assert measured(double).echo > 0.2


def test_where_the_scan_ends_no_edge_is_seen(image: npt.NDArray[np.float32]) -> None:
    covered = COVERED.copy()
    covered[:, :25] = covered[:, 125:] = False
    cut = np.where(covered, image, np.float32(-1024.0))
    found = sharpness(cut, LABELS, covered)
    assert found is not None
    np.testing.assert_allclose(found.fine, measured(image).fine, atol=0.4)


def test_too_little_bone_is_not_asked(image: npt.NDArray[np.float32]) -> None:
    assert sharpness(image, np.zeros_like(LABELS), COVERED) is None
    assert sharpness_marks(None) == ()


@pytest.mark.parametrize(
    ("fine", "middle", "echo", "codes"),
    [
        ((-7.5, -5.6, -4.0), -2.6, 0.11, []),
        ((-4.2, -7.1, -8.0), -2.6, 0.30, ["soft_kernel"]),
        ((-4.2, -12.0, -4.5), -2.6, 0.30, ["thick_slices"]),
        ((-3.2, -4.8, -3.3), -2.2, 0.08, ["sharp_or_noisy"]),
        ((-4.2, -4.8, -4.3), -2.6, 0.20, ["double_contours"]),
        ((-3.2, -4.8, -3.3), -2.2, 0.20, ["sharp_or_noisy", "double_contours"]),
    ],
)
def test_marks(fine: tuple[float, float, float], middle: float, echo: float, codes: list[str]) -> None:
    found = Sharpness(np.full(3, middle), np.array(fine), echo)
    assert [mark.code for mark in sharpness_marks(found)] == codes
