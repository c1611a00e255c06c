"""The objects of earlier revisions of a series that a revision's objects may name as their predecessors."""

from __future__ import annotations

from itertools import groupby

from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Case, ResultObject
from ctsma_node.report import ObjectReference
from ctsma_node.worker import steps


def replaced_by(case: Case, cases: Cases) -> tuple[ObjectReference, ...]:
    """Of each kind and side those of the latest earlier revision that has some.

    A revision that was refused has a note and no set: the set before it is still the one to replace.
    """
    found: dict[tuple[str, str], list[ResultObject]] = {}
    study_uid = case.study_uid
    while case.predecessor is not None:
        case = cases.get(case.predecessor)
        results = sorted(cases.results(case.id), key=_kind_and_side)
        found = {key: list(group) for key, group in groupby(results, key=_kind_and_side)} | found
    return tuple(each for group in found.values() for each in steps.references(study_uid, group))


def _kind_and_side(result: ResultObject) -> tuple[str, str]:
    return result.kind, result.side or ""
