"""Whether a series is analysed, waits for a better one of its study, or is left out for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ctsma_node.choice.candidate import Candidate
from ctsma_node.choice.rank import Quality, contains, covers, quality, same_patient_space, why_better
from ctsma_node.choice.refusals import refused
from ctsma_node.choice.rules import first_match
from ctsma_node.config import RuleSettings


class Stands(StrEnum):
    """Where a sibling is."""

    ARRIVING = "arriving"  # its instances still come, so its region is not known yet
    WAITING = "waiting"  # complete, and neither refused nor measured so far
    MEASURED = "measured"  # its results exist
    PARTLY = "partly"  # its results exist, but for a knee that its field of view cuts off


@dataclass(frozen=True)
class Sibling:
    """Another series of the same study."""

    candidate: Candidate
    stands: Stands


def choose(
    candidate: Candidate, siblings: Iterable[Sibling], rules: Sequence[RuleSettings]
) -> Candidate | None:
    """None when the series is to be analysed now; else the better sibling to wait for.

    It is left out only for a sibling whose results exist: should the better one turn out unfit, the knee is
    analysed from the next best. Of two that suit equally well the one with the lower number goes first, and
    what is measured already is not measured twice. For a sibling whose field of view cuts a knee off, only
    what shows no more than that is left out.
    Raises Refused `not_chosen`. A series that a rule wants analysed always is.
    """
    rule = first_match(rules, candidate)
    if rule is not None and rule.action == "analyse":
        return None
    own, better = quality(candidate, rules), []
    for sibling in siblings:
        other = sibling.candidate
        if not same_patient_space(candidate, other) or _is_excluded(other, rules):
            continue
        if sibling.stands in (Stands.MEASURED, Stands.PARTLY):
            if quality(other, rules) <= own and _stands_for(sibling, candidate):
                raise refused("not_chosen", sibling=_named(other), why=why_better(quality(other, rules), own))
        elif _order(other, rules) < _order(candidate, rules) and (
            sibling.stands is Stands.ARRIVING or covers(other, candidate)
        ):
            better.append(other)
    return min(better, key=lambda each: _order(each, rules), default=None)


def _stands_for(sibling: Sibling, candidate: Candidate) -> bool:
    """Whether what was measured of the sibling is all that could be of the candidate."""
    whole = sibling.stands is Stands.MEASURED or contains(sibling.candidate, candidate)
    return whole and covers(sibling.candidate, candidate)


def in_order(candidates: Iterable[Candidate], rules: Sequence[RuleSettings]) -> list[Candidate]:
    """The best first."""
    return sorted(candidates, key=lambda each: _order(each, rules))


def _order(candidate: Candidate, rules: Sequence[RuleSettings]) -> tuple[Quality, int, str]:
    """A total order, so that no two series wait for one another."""
    number = candidate.series_number
    return quality(candidate, rules), 2**31 if number is None else number, candidate.series_uid


def _is_excluded(candidate: Candidate, rules: Sequence[RuleSettings]) -> bool:
    rule = first_match(rules, candidate)
    return rule is not None and rule.action == "exclude"


def _named(candidate: Candidate) -> str:
    number = candidate.series_number
    return "Another series" if number is None else f"Series {number}"
