"""The subregions as a LABELMAP Segmentation (PS3.3 A.51, Supplement 243): the same segments, a value a voxel.

Smaller than the BINARY one and quicker to load, but few programs of 2026 know the SOP class: DCMTK 3.6.7
refuses a report that points at it, Orthanc 1.10 and dcm4chee-arc do not store it unless they are told to.
So a destination must ask for it, and no other object refers to it.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ctsma_node.report.basis import Basis
from ctsma_node.report.functional_groups import FrameGroups
from ctsma_node.report.segmentation_image import BY_POSITION, add_frames, labels_on_grid, segmentation_image

SERIES = "labelmap"
LABEL_MAP_SEGMENTATION_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")
_BACKGROUND = 0


def labelmap(basis: Basis) -> Dataset:
    """Every frame of the grid; a voxel's value is the number of its segment, 0 outside.

    The background is the Pixel Padding Value (C.8.20.2), and no item of the Segment Sequence: with such an
    item OHIF 3.13 gives each segment the colour of its neighbour.
    """
    ds = segmentation_image(basis, SERIES, LABEL_MAP_SEGMENTATION_STORAGE, "LABELMAP", (BY_POSITION,))
    ds.add_new("PixelPaddingValue", "US", _BACKGROUND)
    groups = FrameGroups(basis)
    items = [groups.encoded(frame, (frame + 1,)) for frame in range(basis.grid.frames)]
    add_frames(ds, basis, items, 8, _numbers_of(basis)[labels_on_grid(basis)].tobytes())
    return ds


def _numbers_of(basis: Basis) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The segment's number of each label of a subregion."""
    numbers = np.full(256, _BACKGROUND, dtype=np.uint8)
    for number, subregion in enumerate(basis.knee.subregions, start=1):
        numbers[subregion.label] = number
    return numbers
