"""The class of a knee agrees with its probability of osteoarthritis."""

from __future__ import annotations

import pytest

from ctsma_node.analysis.knee import class_of
from ctsma_node.analysis.result import OAClass


@pytest.mark.parametrize(
    ("probabilities", "oa_class"),
    [
        ((0.6, 0.3, 0.1), OAClass.NORMAL),
        ((0.48, 0.47, 0.05), OAClass.MILD),
        ((0.4, 0.25, 0.35), OAClass.ADVANCED),
        ((0.5, 0.3, 0.2), OAClass.MILD),
    ],
)
def test_the_class_is_normal_where_osteoarthritis_is_less_likely_than_not(
    probabilities: tuple[float, float, float], oa_class: OAClass
) -> None:
    assert class_of(dict(zip(OAClass, probabilities, strict=True))) is oa_class
