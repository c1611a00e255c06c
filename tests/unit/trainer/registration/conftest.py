from __future__ import annotations

import pytest

from tests.unit.trainer.registration.knees import Knee, ct_of, mr_of
from trainer.mr import MRVolume
from trainer.registration.bonewise import KneePose, register
from trainer.registration.knee import CTKnee


@pytest.fixture(scope="package")
def knee() -> CTKnee:
    return ct_of(Knee(1))


@pytest.fixture(scope="package")
def mr() -> MRVolume:
    return mr_of(Knee(1))


@pytest.fixture(scope="package")
def pose(knee: CTKnee, mr: MRVolume) -> KneePose:
    return register(knee, mr)
