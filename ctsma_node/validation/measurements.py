"""What a report says, read from its content items (PS3.16 TID 1500, 1501, 1410, 1411)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ctsma_node.analysis.result import Side
from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.codes import codes
from ctsma_node.validation.expected import Name

_GROUP = "125007"  # Measurement Group (DCM)
_DERIVATION = "121401"
_TITLE = "126000"  # Imaging Measurement Report


@dataclass
class Number:
    """A NUM item, and the uncertainty that is a property of it."""

    path: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    uncertainty_unit: str = ""


@dataclass
class Group:
    """A measurement group by its Tracking Identifier."""

    path: str
    name: str = ""
    numbers: dict[Name, Number] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)  # paths of numbers said twice
    evaluations: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    site: str = ""
    side: Side | None = None
    segment: int | None = None
    segmentation_uid: str = ""


def is_measurement_report(ds: Attributes) -> bool:
    """Whether a document is titled (126000, DCM)."""
    return code_value(ds, "ConceptNameCodeSequence") == _TITLE


def groups(ds: Attributes, path: str = "") -> Iterator[Group]:
    """The measurement groups of a report, in their order."""
    for number, item in enumerate(ds.items("ContentSequence"), start=1):
        here = f"{path}.ContentSequence[{number}]".lstrip(".")
        if code_value(item, "ConceptNameCodeSequence") == _GROUP:
            yield _group(item, here)
        else:
            yield from groups(item, here)


def code_value(ds: Attributes, sequence: str) -> str:
    """Code Value of the first item of a code sequence; "" where there is none."""
    item = ds.first(sequence)
    return "" if item is None else item.text("CodeValue")


def _group(container: Attributes, path: str) -> Group:
    known, group = codes().concepts, Group(path)
    for number, item in enumerate(container.items("ContentSequence"), start=1):
        here = f"{path}.ContentSequence[{number}]"
        concept, value_type = code_value(item, "ConceptNameCodeSequence"), item.text("ValueType")
        if value_type == "NUM":
            _add_number(group, concept, item, here)
        elif concept == known["tracking_identifier"]:
            group.name = item.text("TextValue")
        elif concept == known["comment"]:
            group.comments.append(item.text("TextValue"))
        elif concept == known["finding_site"]:
            group.site = code_value(item, "ConceptCodeSequence")
            group.side = _side(item)
        elif concept == known["referenced_segment"]:
            reference = item.first("ReferencedSOPSequence")
            if reference is not None:
                group.segment = reference.integer("ReferencedSegmentNumber")
                group.segmentation_uid = reference.text("ReferencedSOPInstanceUID")
        elif value_type == "CODE":
            group.evaluations[concept] = code_value(item, "ConceptCodeSequence")
    return group


def _add_number(group: Group, concept: str, item: Attributes, path: str) -> None:
    derivation = ""
    value, unit = _measured(item)
    number = Number(path, value, unit)
    for child in item.items("ContentSequence"):
        name = code_value(child, "ConceptNameCodeSequence")
        if name == _DERIVATION:
            derivation = code_value(child, "ConceptCodeSequence")
        elif name == codes().concepts["uncertainty"]:
            number.uncertainty, number.uncertainty_unit = _measured(child)
    if (concept, derivation) in group.numbers:
        group.repeated.append(path)
    group.numbers[concept, derivation] = number


def _measured(item: Attributes) -> tuple[float | None, str]:
    measured = item.first("MeasuredValueSequence")
    if measured is None:
        return None, ""
    return measured.number("NumericValue"), code_value(measured, "MeasurementUnitsCodeSequence")


def _side(site: Attributes) -> Side | None:
    for child in site.items("ContentSequence"):
        if code_value(child, "ConceptNameCodeSequence") == codes().concepts["laterality"]:
            return codes().side(code_value(child, "ConceptCodeSequence"))
    return None
