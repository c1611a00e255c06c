"""The site's rules: the first one that matches a series counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ctsma_node.choice.candidate import Candidate
from ctsma_node.choice.refusals import refused
from ctsma_node.config import RuleSettings


def first_match(rules: Sequence[RuleSettings], candidate: Candidate) -> RuleSettings | None:
    """The first rule all of whose conditions hold; one without a condition matches every series.

    Texts are searched for the pattern, whatever the case. A condition on what the header does not say does
    not hold.
    """
    return next((rule for rule in rules if all(_conditions(rule, candidate))), None)


def refuse_excluded(rules: Sequence[RuleSettings], candidate: Candidate) -> RuleSettings | None:
    """The rule that matches, if any; raises Refused `excluded_by_rule` where it excludes."""
    rule = first_match(rules, candidate)
    if rule is not None and rule.action == "exclude":
        raise refused("excluded_by_rule", rule=rule.name)
    return rule


def _conditions(rule: RuleSettings, candidate: Candidate) -> Iterator[bool]:
    for pattern, value in (
        (rule.description, candidate.description),
        (rule.body_part, candidate.body_part),
        (rule.kernel, candidate.kernel),
        (rule.image_type, candidate.image_type),
    ):
        if pattern is not None:
            yield re.search(pattern, value, re.IGNORECASE) is not None
    if rule.orientation:
        yield candidate.orientation in rule.orientation
    yield _within(rule.min_spacing_mm, candidate.spacing_mm, rule.max_spacing_mm)
    yield _within(rule.min_thickness_mm, candidate.thickness_mm, rule.max_thickness_mm)


def _within(least: float | None, value: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)
