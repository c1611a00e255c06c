"""Folds by patient: even within each class, and stable."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.cohort.folds import CLASSES, assign_folds, oa_class


def patients(normal: int, mild: int, advanced: int, unknown: int = 0) -> dict[str, str]:
    counts = zip(("normal", "mild", "advanced", ""), (normal, mild, advanced, unknown), strict=True)
    return {f"{name or 'unknown'}-{at}": name for name, count in counts for at in range(count)}


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 99))
def test_each_class_and_the_whole_are_even(a: int, b: int, c: int, unknown: int, seed: int) -> None:
    classes = patients(a, b, c, unknown)
    folds = assign_folds(classes, seed=seed)
    assert set(folds) == set(classes)
    for name in (*CLASSES, ""):
        sizes = Counter(folds[patient] for patient in classes if classes[patient] == name)
        assert max((sizes[f] for f in range(5)), default=0) - min(sizes[f] for f in range(5)) <= 1
    sizes = Counter(folds.values())
    assert max(sizes[f] for f in range(5)) - min(sizes[f] for f in range(5)) <= 4


def test_the_paper_s_cohort() -> None:
    """30, 25 and 25 patients: 6, 5 and 5 in each fold."""
    classes = patients(30, 25, 25)
    folds = assign_folds(classes)
    counts = Counter((folds[name], classes[name]) for name in classes)
    assert {counts[fold, "normal"] for fold in range(5)} == {6}
    assert {counts[fold, name] for fold in range(5) for name in ("mild", "advanced")} == {5}


def test_patients_keep_their_folds_when_others_come_or_a_grade_changes() -> None:
    before = assign_folds(patients(30, 25, 25))
    more = patients(33, 25, 31) | {"normal-3": "advanced"}
    after = assign_folds(more, previous=before)
    assert {name: after[name] for name in before} == before


def test_the_order_of_the_patients_does_not_matter_and_the_seed_does() -> None:
    classes = patients(30, 25, 25)
    turned = dict(reversed(classes.items()))
    assert assign_folds(turned) == assign_folds(classes)
    assert assign_folds(classes, seed=2) != assign_folds(classes, seed=1)


def test_namesakes_share_a_fold() -> None:
    classes = patients(30, 25, 25)
    together = [
        frozenset({"normal-1", "mild-2"}),
        frozenset({"mild-2", "advanced-3"}),
        frozenset({"gone", "mild-4"}),
    ]
    folds = assign_folds(classes, together)
    assert folds["normal-1"] == folds["mild-2"] == folds["advanced-3"]


@pytest.mark.parametrize(
    ("kl", "name"), [(0, "normal"), (1, "mild"), (2, "mild"), (3, "advanced"), (4, "advanced")]
)
def test_classes_of_grades(kl: int, name: str) -> None:
    assert oa_class(kl) == name
