from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.person import TABLE_1, draw_people

MEN = {OAClass.NORMAL: 15, OAClass.MILD: 14, OAClass.ADVANCED: 16}
LEFT = {OAClass.NORMAL: 14, OAClass.MILD: 13, OAClass.ADVANCED: 14}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eighty_people_are_counted_as_in_table_1(seed: int) -> None:
    people = draw_people(80, seed)
    assert Counter(p.oa_class for p in people) == {
        OAClass.NORMAL: 30,
        OAClass.MILD: 25,
        OAClass.ADVANCED: 25,
    }
    assert Counter(p.oa_class for p in people if p.sex == "M") == MEN
    assert Counter(p.oa_class for p in people if p.side is Side.LEFT) == LEFT
    assert [p.number for p in people] == list(range(1, 81))
    assert len({p.patient_id for p in people}) == 80


@pytest.mark.parametrize("count", [1, 2, 5, 16, 41, 79, 200, 333])
def test_other_counts_stay_in_proportion(count: int) -> None:
    people = draw_people(count, 1)
    assert len(people) == count
    classes = Counter(p.oa_class for p in people)
    for oa_class, group in TABLE_1.items():
        assert abs(classes[oa_class] - count * group.share / 80) < 1.0
        of_class = [p for p in people if p.oa_class is oa_class]
        men = sum(p.sex == "M" for p in of_class)
        assert abs(men - len(of_class) * MEN[oa_class] / group.share) <= 0.5


def test_groups_have_the_ages_and_builds_of_table_1() -> None:
    people = draw_people(4000, 5)
    for oa_class, group in TABLE_1.items():
        ages = [p.age for p in people if p.oa_class is oa_class]
        builds = [p.bmi for p in people if p.oa_class is oa_class]
        assert np.mean(ages) == pytest.approx(group.age[0], abs=1.0)
        assert np.std(ages) == pytest.approx(group.age[1], abs=1.0)
        assert np.mean(builds) == pytest.approx(group.bmi[0], abs=0.4)
        assert np.std(builds) == pytest.approx(group.bmi[1], abs=0.4)


def test_equal_seeds_equal_people() -> None:
    assert draw_people(20, 4) == draw_people(20, 4)
    assert draw_people(20, 4) != draw_people(20, 5)


def test_the_first_people_show_all_groups() -> None:
    assert {p.oa_class for p in draw_people(80, 1)[:16]} == set(OAClass)
