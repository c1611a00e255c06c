"""Agreement against a shift of the MR: the perturbation of section 4.4 and supplement B.1 of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.errors import SettingsError
from trainer.evaluation.regression.predictions import Predictions
from trainer.evaluation.regression.table5 import ROWS, icc_figures


@dataclass(frozen=True)
class ShiftPoint:
    """Agreement at one shift: ICC(2,1) of each of table5.ROWS, as table5.icc_figures gives them."""

    shift_mm: float
    patches: int
    icc21: dict[str, dict[str, Any]]


def shift_curve(
    predictions: Predictions, labels: Mapping[float, npt.NDArray[np.float32]], times: int = 500, seed: int = 0
) -> list[ShiftPoint]:
    """Points by rising shift: the method's estimates against labels (n, 4) read so many mm away.

    The labels are of the same patches in the same order; NaN where the shifted patch left the MR or was not
    measured. Every point is of the patches that have a label at all shifts, so that the points compare.
    Raises SettingsError where labels do not fit or no patch is left.
    """
    measured = np.ones(len(predictions), dtype=bool)
    for shift, label in labels.items():
        if label.shape != predictions.label.shape:
            raise SettingsError(f"labels at {shift:g} mm are {label.shape}, not {predictions.label.shape}")
        measured &= np.isfinite(label).all(axis=1)
    if not measured.any():
        raise SettingsError("no patch has a label at every shift")
    common = _only(predictions, measured)
    return [
        ShiftPoint(float(shift), len(common), _icc(common, labels[shift][measured], times, seed))
        for shift in sorted(labels)
    ]


def _only(predictions: Predictions, which: npt.NDArray[np.bool_]) -> Predictions:
    arrays = ((each.name, getattr(predictions, each.name)) for each in fields(Predictions))
    kept: dict[str, Any] = {name: None if array is None else array[which] for name, array in arrays}
    return Predictions(**kept)


def _icc(
    predictions: Predictions, label: npt.NDArray[np.float32], times: int, seed: int
) -> dict[str, dict[str, Any]]:
    found = icc_figures(replace(predictions, label=label.astype(np.float32)), times, seed)["icc21"]
    return {row: found[row] for row in ROWS}
