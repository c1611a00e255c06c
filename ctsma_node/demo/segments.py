"""Where the returned subregions lie, read from the masks of a Segmentation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

F64 = npt.NDArray[np.float64]


def segment_centres(seg: Dataset) -> dict[str, F64]:
    """Centroid of each segment's voxels, LPS mm, by Tracking ID such as "R F001" (PS3.3 A.51, BINARY).

    A voxel of row r and column c lies where equation C.7.6.2.1-1 puts it.
    """
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=np.float64)
    row_step, column_step = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    across, down = orientation[:3] * column_step, orientation[3:] * row_step
    names = {int(segment.SegmentNumber): str(segment.TrackingID) for segment in seg.SegmentSequence}
    total = {name: np.zeros(3) for name in names.values()}
    count = dict.fromkeys(names.values(), 0)
    for mask, groups in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        name = names[int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        rows, columns = np.nonzero(mask)
        total[name] += rows.size * corner + columns.sum() * across + rows.sum() * down
        count[name] += rows.size
    return {name: total[name] / count[name] for name in total}
