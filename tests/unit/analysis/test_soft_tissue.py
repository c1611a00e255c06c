"""Soft tissue has its Hounsfield values; a scale that is shifted or stretched is marked or refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.soft_tissue import soft_tissue_marks
from ctsma_node.errors import Refused

LABELS = np.zeros((30, 64, 64), np.uint8)
LABELS[:, 24:40, 24:40] = 1


def leg(fat: float = -105.0, muscle: float = 52.0, noise: float = 100.0) -> npt.NDArray[np.float32]:
    """Bone in muscle in fat in air."""
    hu = np.full(LABELS.shape, -1000.0)
    hu[:, 4:60, 4:60], hu[:, 14:50, 14:50], hu[LABELS > 0] = fat, muscle, 350.0
    return (hu + np.random.default_rng(4).normal(0.0, noise, hu.shape)).astype(np.float32)


def test_a_noisy_leg_in_hounsfield_units_passes() -> None:
    assert soft_tissue_marks(leg(), LABELS) == ()


@pytest.mark.parametrize("value", [-100.0, 0.0, 50.0])
def test_a_bone_in_one_kind_of_tissue_passes(value: float) -> None:
    """A specimen in water or fat is unusual; its scale is not wrong."""
    assert soft_tissue_marks(leg(value, value), LABELS) == ()


def test_a_bone_in_air_passes() -> None:
    assert soft_tissue_marks(leg(-1000.0, -1000.0), LABELS) == ()


@pytest.mark.parametrize("shift", [-400.0, -150.0, 400.0])
def test_another_intercept_is_refused(shift: float) -> None:
    with pytest.raises(Refused, match="no_calibrated_hu"):
        soft_tissue_marks(leg() + np.float32(shift), LABELS)


def test_muscle_that_is_too_dense_is_marked() -> None:
    (mark,) = soft_tissue_marks(leg() + np.float32(150.0), LABELS)
    assert mark.code == "unusual_soft_tissue"


@pytest.mark.parametrize("slope", [0.5, 0.7, 1.4])
def test_another_slope_is_refused(slope: float) -> None:
    with pytest.raises(Refused, match="no_calibrated_hu"):
        soft_tissue_marks((leg() + 1024.0) * np.float32(slope) - 1024.0, LABELS)
