"""Fat and muscle have their Hounsfield values; a scale that is shifted or stretched is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.calibration import check_soft_tissue
from ctsma_node.errors import Refused

LABELS = np.zeros((30, 64, 64), np.uint8)
LABELS[:, 24:40, 24:40] = 1


def leg(noise: float = 100.0) -> npt.NDArray[np.float32]:
    """Bone in muscle in fat in air."""
    hu = np.full(LABELS.shape, -1000.0)
    hu[:, 4:60, 4:60], hu[:, 14:50, 14:50], hu[LABELS > 0] = -105.0, 52.0, 350.0
    return (hu + np.random.default_rng(4).normal(0.0, noise, hu.shape)).astype(np.float32)


def test_a_noisy_leg_in_hounsfield_units_passes() -> None:
    check_soft_tissue(leg(), LABELS)


@pytest.mark.parametrize("shift", [-400.0, -200.0, 200.0, 400.0, 1024.0])
def test_another_intercept_is_refused(shift: float) -> None:
    with pytest.raises(Refused, match="no_calibrated_hu"):
        check_soft_tissue(leg() + np.float32(shift), LABELS)


@pytest.mark.parametrize("slope", [0.5, 0.7, 1.4, 1.8])
def test_another_slope_is_refused(slope: float) -> None:
    with pytest.raises(Refused, match="no_calibrated_hu"):
        check_soft_tissue((leg() + 1024.0) * np.float32(slope) - 1024.0, LABELS)
