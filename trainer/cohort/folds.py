"""Folds by patient, even within each class, and stable when patients are added."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

CLASSES = ("normal", "mild", "advanced")
"""KL 0, 1-2, 3-4 (paper, section 4.1)."""


def oa_class(kl: int | None) -> str:
    """The class of a KL grade; "" where it is unknown."""
    return "" if kl is None else CLASSES[(kl + 1) // 2]


def assign_folds(
    classes: Mapping[str, str],
    together: Sequence[frozenset[str]] = (),
    previous: Mapping[str, int] | None = None,
    *,
    folds: int = 5,
    seed: int = 1,
) -> dict[str, int]:
    """Fold (0 to folds - 1) of each patient, by pseudonym; `classes` maps it to "" or one of CLASSES.

    Who has a fold in `previous` keeps it. The others come in the order of a hash of seed and pseudonym;
    each is put into the fold with the fewest patients of the same class, then with the fewest at all, then
    the one that the hash prefers. Patients of one set in `together` share the fold of the first of them.
    """
    given = {name: at for name, at in (previous or {}).items() if name in classes and 0 <= at < folds}
    leader = _leaders(classes, together, given, seed)
    assigned: dict[str, int] = {}
    in_class: Counter[tuple[int, str]] = Counter()
    in_fold: Counter[int] = Counter()
    for name in sorted(classes, key=lambda each: (leader[each] not in given, _hash(seed, leader[each]))):
        first = leader[name]
        at = assigned.get(first, given.get(first, -1))
        if at < 0:
            wanted = _hash(seed, first)
            at = min(
                range(folds),
                key=lambda fold: (in_class[fold, classes[name]], in_fold[fold], (fold - wanted) % folds),
            )
        assigned[name] = assigned[first] = at
        in_class[at, classes[name]] += 1
        in_fold[at] += 1
    return {name: assigned[name] for name in sorted(classes)}


def _leaders(
    classes: Mapping[str, str], together: Sequence[frozenset[str]], given: Mapping[str, int], seed: int
) -> dict[str, str]:
    """For each patient the one whose fold it shares: mostly itself."""
    groups = {name: {name} for name in classes}
    for linked in together:
        joined = set().union(*(groups[name] for name in linked if name in groups))
        for name in joined:
            groups[name] = joined
    return {
        name: min(members, key=lambda each: (each not in given, _hash(seed, each)))
        for name, members in groups.items()
    }


def _hash(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")
