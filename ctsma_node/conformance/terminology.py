"""Codes, coding schemes and series of what the node creates, as `dicom_templates` says them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ctsma_node.conformance.markdown import table
from ctsma_node.report.codes import Code
from ctsma_node.report.templates import load_templates


def coding_scheme() -> str:
    """The private coding scheme, which every object that uses it identifies (PS3.3 C.12.1)."""
    scheme = load_templates().scheme
    rows = [(scheme.designator, scheme.name, scheme.version, scheme.responsible_organization)]
    return table(("Designator", "Name", "Version", "Responsible organisation"), rows)


def codes() -> str:
    """Every code that may stand in an object, sorted by scheme and value."""
    found = sorted({*_codes()}, key=lambda each: (each.scheme, each.value))
    return table(("Value", "Scheme", "Meaning"), ((e.value, e.scheme, e.meaning) for e in found))


def series() -> str:
    """Number and description of each series; those of a right knee lie `right_knee_offset` higher."""
    templates = load_templates()
    rows = (
        (name, each.number, each.number + templates.right_knee_offset, each.description)
        for name, each in templates.series.items()
    )
    return table(("object", "left", "right", "Series Description (0008,103E)"), rows)


def _codes() -> Iterator[Code]:
    for value in vars(load_templates()).values():
        if isinstance(value, Mapping):
            yield from (each for each in value.values() if isinstance(each, Code))
