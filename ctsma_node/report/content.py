"""Content items of structured reports (PS3.3 C.17.3, C.18)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from ctsma_node.report.codes import Code
from ctsma_node.report.items import (
    add,
    code_element,
    code_string,
    decimal_string,
    explicit_dataset,
    item,
    reference_item,
)


def container(
    name: Code, relationship: str | None, children: Sequence[Dataset], template: str = ""
) -> Dataset:
    """A CONTAINER; `template` is the number of its template in PS3.16 where it has one of its own."""
    ds = _content("CONTAINER", name, relationship, children)
    ds.ContinuityOfContent = "SEPARATE"
    if template:
        ds.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier=template)]
    return ds


def code(name: Code, value: Code, relationship: str, children: Sequence[Dataset] = ()) -> Dataset:
    """A CODE item."""
    ds = _content("CODE", name, relationship, children)
    add(ds, code_element("ConceptCodeSequence", value))
    return ds


def text(name: Code, value: str, relationship: str) -> Dataset:
    """A TEXT item."""
    ds = _content("TEXT", name, relationship)
    ds.TextValue = value
    return ds


def uid_reference(name: Code, value: str, relationship: str) -> Dataset:
    """A UIDREF item."""
    ds = _content("UIDREF", name, relationship)
    ds.UID = value
    return ds


def number(
    name: Code, value: float, unit: Code, relationship: str, children: Iterable[Dataset] = ()
) -> Dataset:
    """A NUM item; nine digits carry every float32 through the Decimal String and back.

    Raises:
        ValueError: the value is not a finite number.
    """
    ds = _content("NUM", name, relationship, tuple(children))
    measured = explicit_dataset()
    add(measured, decimal_string("NumericValue", f"{finite(name, value):.9g}"))
    add(measured, code_element("MeasurementUnitsCodeSequence", unit))
    ds.MeasuredValueSequence = [measured]
    return ds


def finite(name: Code, value: float) -> float:
    """The value of a NUM item; raises ValueError where it is not a finite number, which none can say."""
    if not math.isfinite(value):
        raise ValueError(f"{name.meaning}: {value} is not a measurement")
    return float(value)


def composite(name: Code | None, sop_class_uid: str, sop_instance_uid: str, relationship: str) -> Dataset:
    """A COMPOSITE item: an instance that is no image."""
    ds = _content("COMPOSITE", name, relationship)
    ds.ReferencedSOPSequence = [reference_item(sop_class_uid, sop_instance_uid)]
    return ds


def image(
    name: Code | None,
    sop_class_uid: str,
    sop_instance_uid: str,
    relationship: str,
    segment: int | None = None,
) -> Dataset:
    """An IMAGE item: an instance, or one segment of it."""
    ds = _content("IMAGE", name, relationship)
    reference = reference_item(sop_class_uid, sop_instance_uid)
    if segment is not None:
        reference.ReferencedSegmentNumber = segment
    ds.ReferencedSOPSequence = [reference]
    return ds


def _content(
    value_type: str, name: Code | None, relationship: str | None, children: Sequence[Dataset] = ()
) -> Dataset:
    ds = explicit_dataset()
    if relationship is not None:
        add(ds, code_string("RelationshipType", relationship))
    add(ds, code_string("ValueType", value_type))
    if name is not None:
        add(ds, code_element("ConceptNameCodeSequence", name))
    if children:
        ds.ContentSequence = list(children)
    return ds
