"""Regressors on radiomic features: three kinds, each with a selection of features.

The features are brought to normal scores and the labels to unit spread by the training patches. A linear
model with an elastic-net penalty (Zou and Hastie 2005) selects by itself; a ridge on a radial kernel, by
Nystroem's landmarks (Williams and Seeger 2001), and boosted trees get the features that a sparse linear model
weighs most, for each parameter its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_LANDMARKS = 500
_SELECTING = 0.003
"""Strength of the penalty of the linear model that selects for the others."""


class Kind(StrEnum):
    """Of regressor."""

    ELASTIC_NET = "elastic net"
    KERNEL_RIDGE = "kernel ridge"
    BOOSTING = "gradient boosting"


@dataclass(frozen=True)
class Setting:
    """What is tuned."""

    kind: Kind
    strength: float
    """Elastic net and kernel ridge: weight of the penalty; boosting: rate of learning."""
    features: int = 0
    """How many are selected; 0: as many as the elastic net leaves."""

    def __str__(self) -> str:
        return f"{self.kind}, {self.strength:g}" + (f", {self.features} features" if self.features else "")


SETTINGS = (
    *(Setting(Kind.ELASTIC_NET, strength) for strength in (0.0003, 0.001, 0.003, 0.01)),
    *(Setting(Kind.KERNEL_RIDGE, strength, n) for n in (20, 40) for strength in (0.3, 3.0)),
    *(Setting(Kind.BOOSTING, rate, n) for n in (20, 40) for rate in (0.05, 0.1)),
)
"""Twelve, the budget that the networks have."""


def fit_predict(
    train: F32, label: F32, test: F32, settings: tuple[Setting, ...], seed: int = 0
) -> npt.NDArray[np.float32]:
    """Predictions (settings, m, 4) for `test` (m, f) of models fitted to `train` (n, f), `label` (n, 4)."""
    scores = QuantileTransformer(
        n_quantiles=min(1000, len(train)), output_distribution="normal", subsample=None, random_state=seed
    ).fit(train)
    x, asked = scores.transform(train), scores.transform(test)
    mean, sd = label.mean(axis=0), label.std(axis=0)
    y = (label - mean) / sd
    orders = [_by_weight(x, y[:, c]) for c in range(y.shape[1])]
    out = np.empty((len(settings), len(test), y.shape[1]), dtype=np.float32)
    for n, setting in enumerate(settings):
        for c, order in enumerate(orders):
            used = order[: setting.features] if setting.features else order
            model = _model(setting, len(used), seed)
            with _stopped_early():
                model.fit(x[:, used], y[:, c])
            out[n, :, c] = model.predict(asked[:, used]) * sd[c] + mean[c]
    return out


def _by_weight(x: F64, y: F64) -> npt.NDArray[np.intp]:
    """Features in falling order of their weight in a sparse linear model; then those without one."""
    model = _elastic_net(_SELECTING, 0.9)
    with _stopped_early():
        model.fit(x, y)
    return np.asarray(np.argsort(-np.abs(model.coef_), kind="stable"))


def _elastic_net(strength: float, l1_ratio: float) -> ElasticNet:
    return ElasticNet(alpha=strength, l1_ratio=l1_ratio, max_iter=500, tol=1e-3, precompute=True)


@contextmanager
def _stopped_early() -> Iterator[None]:
    """Features repeat each other: weights wander between them long after the predictions have settled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _model(setting: Setting, features: int, seed: int) -> Any:
    if setting.kind is Kind.ELASTIC_NET:
        return _elastic_net(setting.strength, 0.5)
    if setting.kind is Kind.KERNEL_RIDGE:
        landmarks = Nystroem(gamma=0.25 / features, n_components=_LANDMARKS, random_state=seed)
        return make_pipeline(landmarks, Ridge(alpha=setting.strength))
    return HistGradientBoostingRegressor(
        learning_rate=setting.strength,
        max_iter=200,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=1.0,
        random_state=seed,
    )
