"""Left or right: the fibula decides, then the source, then the place on the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ctsma_node.analysis.bones import side_of
from ctsma_node.analysis.grid import knee_affine
from ctsma_node.analysis.knee import Prepared, decide_side, doubled
from ctsma_node.analysis.result import Side
from ctsma_node.analysis.sides import side_of_fibula
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
    assert side_of(labels(at), knee_affine((20.0, -30.0, 400.0))) is side


def cloud(x: float, y: float, z: float, half: int = 8) -> Any:
    """A cube of points, 1 mm apart, about a place in LPS mm."""
    along = np.arange(-half, half + 1.0)
    return np.stack(np.meshgrid(along + x, along + y, along + z), -1).reshape(-1, 3)


def of_right_leg(turned: float, patella: bool = True) -> Side | None:
    """What is told of a right leg that is turned outwards by so many degrees."""
    a = np.radians(turned)
    about_z = np.array([[np.cos(a), -np.sin(a), 0.0], [np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]])
    front = cloud(5.0, -47.0, 30.0, 12) if patella else np.empty((0, 3))
    fibula, tibia = cloud(-33.0, 20.0, -40.0), cloud(0.0, 0.0, -40.0, 20)
    return side_of_fibula(fibula @ about_z, tibia @ about_z, front @ about_z, np.zeros(3), 1.0)


@pytest.mark.parametrize("turned", [-90.0, -60.0, -45.0, 0.0, 30.0, 45.0, 60.0, 90.0])
def test_the_patella_tells_how_a_leg_is_turned(turned: float) -> None:
    assert of_right_leg(turned) is R


@pytest.mark.parametrize(
    ("turned", "side"), [(0.0, R), (20.0, R), (-45.0, R), (45.0, None), (75.0, None), (-90.0, None)]
)
def test_without_a_patella_a_leg_that_is_turned_far_tells_nothing(turned: float, side: Side | None) -> None:
    assert of_right_leg(turned, patella=False) is side


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
