"""A series is complete when its geometry says so, and not before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctsma_node.completion import InstanceGeometry, geometry_complete
from tests.fixtures.ct_series import StackPlan, rotation

Instances = list[InstanceGeometry]


def stack(plan: StackPlan = StackPlan(), decimals: int = 6) -> Instances:  # noqa: B008
    orientation = tuple(np.round([*plan.row, *plan.column], decimals).tolist())
    return [
        InstanceGeometry(
            sop_instance_uid=f"1.2.{k}",
            rows=plan.rows,
            columns=plan.columns,
            number_of_frames=1,
            position=tuple(np.round(plan.position(k), decimals).tolist()),
            orientation=orientation,
        )
        for k in range(plan.slices)
    ]


def changed(instance: InstanceGeometry, **changes: object) -> InstanceGeometry:
    return InstanceGeometry(**{**instance.__dict__, **changes})


OBLIQUE = rotation((17, -31, 64))


@given(
    turn=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.floats(0.3, 3.0),
    order=st.permutations(range(40)),
)
def test_any_whole_stack_in_any_order(turn: tuple[float, ...], spacing: float, order: list[int]) -> None:
    directions = rotation(turn)
    plan = StackPlan(row=tuple(directions[:, 0]), column=tuple(directions[:, 1]), spacing=spacing)
    instances = stack(plan)
    assert geometry_complete([instances[k] for k in order])


@given(gap=st.integers(1, 38), spacing=st.floats(0.3, 3.0))
def test_a_slice_missing_inside(gap: int, spacing: float) -> None:
    instances = stack(StackPlan(spacing=spacing))
    assert not geometry_complete(instances[:gap] + instances[gap + 1 :])


def test_rounded_positions_and_directions_are_complete() -> None:
    plan = StackPlan(row=tuple(OBLIQUE[:, 0]), column=tuple(OBLIQUE[:, 1]), spacing=0.625, slices=120)
    assert geometry_complete(stack(plan, decimals=3))
    assert geometry_complete(stack(StackPlan(spacing=0.625, slices=120), decimals=1))


def test_tilted_gantry_is_complete() -> None:
    assert geometry_complete(stack(StackPlan(shear=(0.0, 0.6))))


def test_two_phases_are_complete_together_and_not_before() -> None:
    instances = stack()
    assert geometry_complete(instances + instances)
    assert not geometry_complete(instances + instances[:25])


INCOMPLETE: dict[str, Callable[[Instances], Instances]] = {
    "nothing": lambda _: [],
    "a beginning": lambda them: them[:29],
    "no position": lambda them: [*them[:-1], changed(them[-1], position=None)],
    "no orientation": lambda them: [*them[:-1], changed(them[-1], orientation=None)],
    "orientation of zeros": lambda them: [changed(each, orientation=(0.0,) * 6) for each in them],
    "another matrix": lambda them: [*them[:-1], changed(them[-1], rows=8)],
    "a localizer": lambda them: [*them, changed(them[0], orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0))],
    "every third missing": lambda them: [each for k, each in enumerate(them * 1) if k % 3],
    "one beside multi-frame": lambda them: [*them, changed(them[0], number_of_frames=100)],
    "ends beyond all numbers": lambda them: [
        changed(them[0], position=(0.0, 0.0, -1.7e308)),
        *them[1:-1],
        changed(them[-1], position=(0.0, 0.0, 1.7e308)),
    ],
    "all slices beyond all numbers": lambda them: [
        changed(each, position=(0.0, 0.0, (k - 20) * 8e306)) for k, each in enumerate(them)
    ],
    "one slice off": lambda them: [*them[:-1], changed(them[-1], position=(-6.0, 4.1, 26.8))],
}


@pytest.mark.parametrize("oddity", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete(oddity: Callable[[Instances], Instances]) -> None:
    assert not geometry_complete(oddity(stack(StackPlan(slices=40))))


def test_fewer_slices_suffice_where_the_site_says_so() -> None:
    assert geometry_complete(stack(StackPlan(slices=12)), min_slices=12)


def test_multi_frame_instance_is_complete_in_itself() -> None:
    assert geometry_complete([InstanceGeometry("1.2.3", 512, 512, 125, None, None)])
