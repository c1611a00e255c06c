"""Methods under conditions: CTs of other protocols, and an MR that is sampled beside the patch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ctsma_node.errors import SettingsError
from trainer.evaluation.regression import predictions
from trainer.evaluation.regression.predictions import Predictions, check_same_patches
from trainer.evaluation.regression.table5 import icc_figures
from trainer.patches.protocols import PROTOCOLS
from trainer.patches.shifted import SHIFTS_MM
from trainer.patches.store import store_below

AS_SCANNED = "as scanned"
FOLDER = "protocols"
"""Of a method's predictions from CTs of other protocols: FOLDER/NUMBER."""


def by_protocol(folder: Path, times: int, seed: int) -> dict[str, dict[str, Any]]:
    """ICC(2,1) of a method's folder for each protocol, by name: as table5.icc_figures gives them.

    Raises SettingsError where it has predicted none.
    """
    plain = predictions.read(folder)
    out = {AS_SCANNED: icc_figures(plain, times, seed)["icc21"]}
    for number, protocol in enumerate(PROTOCOLS):
        other = predictions.read(folder / FOLDER / str(number))
        check_same_patches(plain, other)
        out[protocol.name] = icc_figures(other, times, seed)["icc21"]
    return out


def shifted_labels(patches: Path, found: Predictions) -> dict[float, npt.NDArray[np.float32]]:
    """Labels (n, 4) of the MR at each shift, in the order of `found`; 0 mm are its own.

    Raises SettingsError where the patches were made without them.
    """
    store, parts = store_below(patches), []
    for pair in np.unique(found.pair).tolist():
        try:
            labels = store.read(pair, ["shifted_label"])["shifted_label"]
        except KeyError as error:
            raise SettingsError(f"{store.path}: no shifted labels; make the patches again") from error
        parts.append(labels[found.row[found.pair == pair]])
    shifted = np.concatenate(parts)
    return {0.0: found.label, **{mm: shifted[:, n] for n, mm in enumerate(SHIFTS_MM)}}
