"""Which voxels count, and their grey levels: IBSI re-segmentation (IFBP) and fixed bin size (Q3RU)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Discretisation:
    """Bins of fixed size in HU; the first begins at the lower end of the range.

    HU are calibrated, so bins of a fixed size keep their meaning from patch to patch (IBSI, 2.7). Bins of
    50 HU divide the spread of a patch of trabecular bone into some 15 to 25 levels.
    """

    width: float = 50.0
    lowest: float = -500.0
    highest: float = 3000.0
    """Voxels below `lowest` or above `highest`, which are no bone, are left out."""

    def levels(self, hu: npt.NDArray[np.floating], mask: Mask) -> Levels:
        """Grey levels from 1, and 0 where a voxel does not count; same shape as `hu`.

        Raises ValueError where no voxel counts.
        """
        values = np.asarray(hu, dtype=np.float64)
        counts = mask & (values >= self.lowest) & (values <= self.highest)
        if not counts.any():
            raise ValueError(f"no voxel of the patch lies in {self.lowest:g} to {self.highest:g} HU")
        return np.where(counts, np.floor((values - self.lowest) / self.width).astype(np.int64) + 1, 0)
