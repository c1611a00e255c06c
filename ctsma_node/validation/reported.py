"""Whether a report says what was measured: every number, unit, class and mark, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ctsma_node.analysis.result import KneeResult
from ctsma_node.validation.expected import Expected, ExpectedGroup, expected_groups
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.measurements import Group, Number

_CLAUSE = "PS3.16 TID 1500"
_DIGITS = 1e-8
"""Relative; a Decimal String of 16 characters holds nine digits of any number."""


def check_report(instance: Instance, said: Sequence[Group], knee: KneeResult) -> Iterator[Finding]:
    """A measurement report of a knee: the knee and its bones, and all subregions where it has any."""
    expected = expected_groups(knee)
    found = {group.name: group for group in said}
    full = any(group.segment is not None for group in found.values())
    for name, wanted in expected.items():
        group = found.get(name)
        if group is not None:
            yield from _check_group(instance, group, wanted, full)
        elif full or wanted.segment is None:
            sentence = "A group of measurements is missing (or its tracking identifier)."
            yield instance.finding("missing_measurement", "ContentSequence", _CLAUSE, sentence)
    for name, group in found.items():
        if name not in expected:
            sentence = "This group is of nothing that was measured."
            yield instance.finding("unexplained_measurement", group.path, _CLAUSE, sentence)


def _check_group(instance: Instance, group: Group, wanted: ExpectedGroup, full: bool) -> Iterator[Finding]:
    for name, expected in wanted.numbers.items():
        number = group.numbers.get(name)
        if number is not None:
            yield from _check_number(instance, number, expected)
        elif full or name in wanted.short:
            sentence = f"The number {name[0]} is missing in this group."
            yield instance.finding("missing_measurement", group.path, _CLAUSE, sentence)
    unknown = [number.path for name, number in group.numbers.items() if name not in wanted.numbers]
    for path in (*unknown, *group.repeated):
        sentence = "This number is none that was measured, or is said twice."
        yield instance.finding("unexplained_measurement", path, _CLAUSE, sentence)
    for concept, value in wanted.evaluations.items():
        if group.evaluations.get(concept) != value:
            sentence = f"The evaluation {concept} is missing or another than the result's."
            yield instance.finding("value_differs", group.path, _CLAUSE, sentence)
    if (group.site, group.segment) != (wanted.site, wanted.segment):
        sentence = "Its finding site or its segment is another than that of the result."
        yield instance.finding("value_differs", group.path, _CLAUSE, sentence)
    said = {comment.partition(":")[0] for comment in group.comments}
    if not wanted.marks <= said:
        sentence = "A mark that a reader must know about is missing in this group."
        yield instance.finding("missing_mark", group.path, _CLAUSE, sentence)


def _check_number(instance: Instance, number: Number, expected: Expected) -> Iterator[Finding]:
    if number.unit != expected.unit:
        sentence = f"Its unit is not {expected.unit}."
        yield instance.finding("value_differs", number.path, "PS3.16 TID 300", sentence)
    if not _equal(number.value, expected.value):
        sentence = "It is another number than the result's."
        yield instance.finding("value_differs", number.path, "PS3.16 TID 300", sentence)
    if expected.uncertainty is None:
        return
    if not _equal(number.uncertainty, expected.uncertainty) or number.uncertainty_unit != expected.unit:
        sentence = "Its uncertainty is missing or another than the result's."
        yield instance.finding("value_differs", number.path, "PS3.16 TID 310", sentence)


def _equal(found: float | None, wanted: float) -> bool:
    return found is not None and math.isclose(found, wanted, rel_tol=_DIGITS, abs_tol=1e-12)
