"""Who is scanned: age, sex and build of a cohort in the paper's proportions (paper, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ctsma_node.analysis.result import OAClass, Side


@dataclass(frozen=True)
class Person:
    """One subject of a cohort."""

    number: int  # from 1
    oa_class: OAClass
    side: Side
    sex: str  # F or M
    age: int  # years
    bmi: float  # kg/m2
    height: float  # m

    @property
    def patient_id(self) -> str:
        """The identifier in every header."""
        return f"P{self.number:04d}"


@dataclass(frozen=True)
class _Group:
    """A row of Table 1."""

    share: int
    men: int
    left: int
    age: tuple[float, float]  # mean and standard deviation
    bmi: tuple[float, float]


TABLE_1: dict[OAClass, _Group] = {
    OAClass.NORMAL: _Group(30, 15, 14, (38.6, 9.6), (24.6, 2.7)),
    OAClass.MILD: _Group(25, 14, 13, (56.3, 9.7), (24.9, 3.6)),
    OAClass.ADVANCED: _Group(25, 16, 14, (62.4, 10.1), (26.1, 2.6)),
}
HEIGHT = {"F": (1.61, 0.06), "M": (1.73, 0.065)}
"""Mean and standard deviation, m."""


def draw_people(count: int, seed: int) -> list[Person]:
    """A cohort of `count` people; at 80 its groups, sexes and sides are counted as in Table 1.

    Equal arguments give equal people. Classes are spread over the numbers, so that the first few people of
    a cohort show all of them.
    """
    rng = np.random.default_rng((seed, 51))
    shares = {oa_class: group.share for oa_class, group in TABLE_1.items()}
    people = []
    for oa_class, number in _apportioned(shares, count).items():
        group = TABLE_1[oa_class]
        sexes = _flags(rng, number, group.men / group.share)
        sides = _flags(rng, number, group.left / group.share)
        people += [_draw(rng, oa_class, man, left) for man, left in zip(sexes, sides, strict=True)]
    order = rng.permutation(len(people))
    return [replace(people[at], number=n + 1) for n, at in enumerate(order)]


def _draw(rng: np.random.Generator, oa_class: OAClass, man: bool, left: bool) -> Person:
    group = TABLE_1[oa_class]
    sex = "M" if man else "F"
    return Person(
        number=0,
        oa_class=oa_class,
        side=Side.LEFT if left else Side.RIGHT,
        sex=sex,
        age=int(np.clip(round(rng.normal(*group.age)), 20, 88)),
        bmi=round(float(np.clip(rng.normal(*group.bmi), 17.5, 38.0)), 1),
        height=round(float(rng.normal(*HEIGHT[sex])), 2),
    )


def _flags(rng: np.random.Generator, count: int, share: float) -> list[bool]:
    """`share` of `count` true, in random order."""
    flags = np.arange(count) < round(share * count)
    return [bool(flag) for flag in rng.permutation(flags)]


def _apportioned(shares: dict[OAClass, int], count: int) -> dict[OAClass, int]:
    """Whole numbers in the given proportions, by largest remainders."""
    total = sum(shares.values())
    whole = {name: count * share // total for name, share in shares.items()}
    rest = sorted(shares, key=lambda name: -(count * shares[name] % total))
    for name in rest[: count - sum(whole.values())]:
        whole[name] += 1
    return whole
