"""Left or right: the fibula decides, then the source, then the place on the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.bones import side_of
from ctsma_node.analysis.knee import Prepared, decide_side, doubled
from ctsma_node.analysis.result import Side
from ctsma_node.errors import Refused

R, L = Side.RIGHT, Side.LEFT


def labels(fibula_at: int | None) -> Any:
    """A tibia in the middle, a fibula beside it at slice `fibula_at` (k runs to the right)."""
    array = np.zeros((90, 150, 150), np.uint8)
    array[30:60, 90:150, 50:90] = 2
    if fibula_at is not None:
        array[fibula_at - 4 : fibula_at + 4, 100:150, 85:95] = 4
    return array


@pytest.mark.parametrize(("at", "side"), [(72, R), (18, L), (None, None)])
def test_the_fibula_is_lateral(at: int | None, side: Side | None) -> None:
    assert side_of(labels(at)) is side


@pytest.mark.parametrize(
    ("anatomy", "stated", "x", "side", "mark"),
    [
        (R, None, 90.0, R, None),
        (R, R, -90.0, R, None),
        (R, L, -90.0, R, "laterality_conflict"),
        (None, L, -90.0, L, None),
        (None, None, 90.0, L, "side_by_position"),
        (None, None, -90.0, R, "side_by_position"),
    ],
)
def test_who_decides(
    anatomy: Side | None, stated: Side | None, x: float, side: Side, mark: str | None
) -> None:
    decided, marks = decide_side(anatomy, stated, x)
    assert decided is side
    assert [m.code for m in marks] == ([mark] if mark else [])


def at(x: float, side: Side) -> Prepared:
    affine = np.eye(4)
    affine[0, 3] = x
    nothing: Any = None
    return Prepared(side, nothing, affine, nothing, nothing, (), None)


@pytest.mark.parametrize(
    ("knees", "left_out"),
    [
        ([(-90.0, R), (90.0, L)], []),
        ([(90.0, R), (-90.0, R)], [90.0]),
        ([(-90.0, L), (90.0, L)], [-90.0]),
        ([(5.0, L)], []),
    ],
)
def test_of_two_knees_of_one_side_the_farther_to_it_is_that(
    knees: list[tuple[float, Side]], left_out: list[float]
) -> None:
    prepared = [at(x, side) for x, side in knees]
    assert [knee.affine[0, 3] for knee in doubled(prepared)] == left_out


def test_nothing_tells() -> None:
    with pytest.raises(Refused, match="side_unknown"):
        decide_side(None, None, 5.0)
