"""Whether the values are Hounsfield units: what the headers claim, and what the decoded volume shows."""

from __future__ import annotations

import numpy as np

from ctsma_node.assemble.attributes import items
from ctsma_node.assemble.pixels import AIR_HU
from ctsma_node.assemble.series import FrameGeometry, Series
from ctsma_node.gate.refusals import refused
from ctsma_node.volume import CTVolume

_HU_NAMES = frozenset({"", "HU", "HOUNSFIELD", "HOUNSFIELD UNIT", "HOUNSFIELD UNITS"})
_BELOW_FAT_HU = -30.0
_FEWEST_SHARE = 1e-4


def rescale(series: Series) -> None:
    """Every slice is rescaled to HU by slope and intercept (PS3.3 C.8.2.1; no Rescale Type means HU)."""
    for wrong, why in (
        (lambda frame: frame.rescale_slope is None, "Rescale Slope is absent"),
        (lambda frame: frame.rescale_intercept is None, "Rescale Intercept is absent"),
        (lambda frame: frame.rescale_slope == 0, "Rescale Slope is zero"),
        (_other_unit, "Rescale Type is another unit"),
    ):
        if any(wrong(frame) for frame in series.frames):
            raise refused("no_calibrated_hu", why=why)
    if any(items(ds, "ModalityLUTSequence") for ds in series.headers):
        raise refused("no_calibrated_hu", why="a Modality LUT stands in place of the rescale")


def fat_and_air(volume: CTVolume) -> None:
    """Something of the volume lies between air and water.

    Fat and yellow marrow (-120 to -50 HU) are in every knee, however small the field of view, and noise and
    partial volume in that range in everything that lies in air. Stored values without their intercept, screen
    grey levels and inverted values have nothing there. Padding (-1024) does not count.
    """
    missing = _FEWEST_SHARE * volume.hu.size
    for hu in volume.hu:
        missing -= np.count_nonzero((hu > AIR_HU) & (hu < _BELOW_FAT_HU))
        if missing <= 0:
            return
    raise refused("no_calibrated_hu", why="no value lies between air and water")


def _other_unit(frame: FrameGeometry) -> bool:
    return frame.rescale_type not in _HU_NAMES
