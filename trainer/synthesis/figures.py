"""What is measured of a synthesis on pairs that it was not trained on, without any landmark."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import wasserstein_distance

from trainer.synthesis.batches import Pair
from trainer.synthesis.grid import F32, NOTHING, hu_of
from trainer.synthesis.information import mutual_information
from trainer.synthesis.synthesise import Synthesiser

_EVERY = 5
"""Of slices and voxels that the figures are taken from."""


def figures_of(pairs: list[Pair], synthesiser: Synthesiser) -> dict[str, float]:
    """Means over pairs: see `information` and `distribution`; nothing where there is no pair."""
    rows = []
    for pair in pairs:
        made = synthesiser.scaled(pair.mr.astype(np.float32))
        rows.append((information(pair, made), distribution(pair, made)))
    if not rows:
        return {}
    shared, apart = np.mean(rows, axis=0)
    return {"information_mr_sct_nats": float(shared), "distance_of_hu_distributions": float(apart)}


def information(pair: Pair, made: F32) -> float:
    """Mutual information (nats) of crMR and sCT, slice by slice: how much of the anatomy was kept."""
    slices = pair.usable()[::_EVERY]
    mr, ct = (torch.from_numpy(each[slices].astype(np.float32))[:, None] for each in (pair.mr, made))
    return float(mutual_information(mr, ct))


def distribution(pair: Pair, made: F32) -> float:
    """Wasserstein distance (HU) of the values of CT and sCT in the body: does it look like a CT?

    Places do not count, so that a femur that is bent otherwise does not either.
    """
    body = pair.ct > NOTHING
    real, synthesised = (hu_of(each[body][::_EVERY].astype(np.float32)) for each in (pair.ct, made))
    return float(wasserstein_distance(real, synthesised))
