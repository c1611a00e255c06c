"""The preprint's aggregator: means and SDs of six regions a bone, and support vectors (its section 2.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone, OAClass
from trainer.aggregation.errors import ErrorLaw
from trainer.aggregation.knees import F64, Knees

_REGIONS = 6
_FOLDS = 4


def svm(train: Knees, law: ErrorLaw | None, test: Knees, seed: int) -> tuple[F64, F64]:
    """Class probabilities (m, 3) and cartilage scores (m, 5) of `test`."""
    seen = train.seen(law, np.random.default_rng([seed, 61]))
    x, asked = (
        features(values, knees.positions) for values, knees in ((seen, train), (test.parameters, test))
    )
    classes = make_pipeline(StandardScaler(), _classifier(train, seed)).fit(x, train.oa_class)
    scores = make_pipeline(
        StandardScaler(),
        MultiOutputRegressor(TransformedTargetRegressor(SVR(), transformer=StandardScaler())),
    ).fit(x, train.cartilage)
    p = np.zeros((len(test), len(OAClass)))
    p[:, classes.classes_] = classes.predict_proba(asked)
    return p, np.asarray(scores.predict(asked))


def _classifier(train: Knees, seed: int) -> Any:
    """Calibrated on as many folds of people as the rarest class has; the classes' shares where it has one."""
    person, first = np.unique(train.person, return_index=True)
    classes = train.oa_class[first]
    rarest = min(int((classes == each).sum()) for each in np.unique(train.oa_class))
    if rarest < 2 or len(np.unique(classes)) < 2:
        return DummyClassifier(strategy="prior")
    folds = StratifiedKFold(min(_FOLDS, rarest)).split(person, classes)
    splits = [tuple(np.flatnonzero(np.isin(train.person, part)) for part in both) for both in folds]
    return CalibratedClassifierCV(SVC(C=1.0, random_state=seed), ensemble=False, cv=splits)


def features(values: F64, positions: F64) -> F64:
    """(n, 96): mean and SD of each log parameter in six regions of each bone."""
    logs, out = np.log(np.maximum(values, 1e-3)), []
    for number in range(len(Bone)):
        own = slice(number * SUBREGIONS_PER_BONE, (number + 1) * SUBREGIONS_PER_BONE)
        region = regions(positions[:, own])
        for each in range(_REGIONS):
            mask = (region == each)[..., None]
            count = np.maximum(mask.sum(axis=1), 1)
            mean = (logs[:, own] * mask).sum(axis=1) / count
            spread = np.sqrt((((logs[:, own] - mean[:, None]) ** 2) * mask).sum(axis=1) / count)
            out += [mean, spread]
    return np.concatenate(out, axis=1)


def regions(positions: F64) -> F64:
    """0 to 5 for each subregion (n, 100): medial or lateral half, thirds from front to back."""
    rank = positions.argsort(axis=1).argsort(axis=1)
    half = rank[..., 0] * 2 // SUBREGIONS_PER_BONE
    third = rank[..., 2] * 3 // SUBREGIONS_PER_BONE
    return np.asarray(3 * half + third)
