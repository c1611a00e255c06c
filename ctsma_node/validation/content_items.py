"""Content items of documents (PS3.3 C.17.3, C.18): what each needs by its value type, and where it stands."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.tables import tables

_CLAUSE = "PS3.3 C.17.3"
_DIGITS = 1e-8  # relative; what 16 characters can hold of any number
# Of each value type the attributes of type 1 (PS3.3 C.18).
_NEEDED: dict[str, tuple[str, ...]] = {
    "TEXT": ("TextValue",),
    "CODE": ("ConceptCodeSequence",),
    "NUM": (),  # Measured Value Sequence is type 2
    "DATETIME": ("DateTime",),
    "DATE": ("Date",),
    "TIME": ("Time",),
    "UIDREF": ("UID",),
    "PNAME": ("PersonName",),
    "SCOORD": ("GraphicType", "GraphicData"),
    "SCOORD3D": ("GraphicType", "GraphicData", "ReferencedFrameOfReferenceUID"),
    "TCOORD": ("TemporalRangeType",),
    "COMPOSITE": ("ReferencedSOPSequence",),
    "IMAGE": ("ReferencedSOPSequence",),
    "WAVEFORM": ("ReferencedSOPSequence",),
    "CONTAINER": (),
    "TABLE": (),
}
_NAMELESS = frozenset(("COMPOSITE", "IMAGE", "WAVEFORM", "CONTAINER"))  # type 1C there (C.17.3.2.1)
_RELATIONSHIPS = frozenset(
    (
        "CONTAINS",
        "HAS OBS CONTEXT",
        "HAS CONCEPT MOD",
        "HAS PROPERTIES",
        "HAS ACQ CONTEXT",
        "INFERRED FROM",
        "SELECTED FROM",
    )
)
_POINTS = {"POINT": 1, "ELLIPSE": 4, "CIRCLE": 2}

Fault = tuple[str, str, str]
"""Path, code, sentence."""


def content_below(ds: Attributes) -> Iterator[tuple[str, Attributes]]:
    """Every content item below a dataset or item, with its path."""
    for number, item in enumerate(ds.items("ContentSequence"), start=1):
        path = f"ContentSequence[{number}]"
        yield path, item
        for below, inner in content_below(item):
            yield f"{path}.{below}", inner


def check_content(instance: Instance) -> Iterator[Finding]:
    """The tree of a document: its root a container with a title, every item complete."""
    allowed = tables().of(instance.sop_class_uid).value_types
    if not allowed:
        return
    ds = instance.ds
    if ds.text("ValueType") != "CONTAINER" or ds.is_empty("ConceptNameCodeSequence"):
        sentence = "The root of a document is a CONTAINER with a title."
        yield instance.finding("content_item", "ValueType", _CLAUSE, sentence)
    if ds.is_empty("ContentSequence"):
        yield instance.finding("content_item", "ContentSequence", _CLAUSE, "The document has no content.")
    for path, code, sentence in (*_container(ds), *_tree_faults(ds, allowed, {})):
        yield instance.finding(code, path, _CLAUSE, sentence)


def _tree_faults(
    ds: Attributes, allowed: frozenset[str], known: dict[int, tuple[Fault, ...]]
) -> Iterator[Fault]:
    for number, item in enumerate(ds.items("ContentSequence"), start=1):
        found = known.get(id(item))
        if found is None:
            found = (*_item_faults(item, allowed), *_tree_faults(item, allowed, known))
            known[id(item)] = found
        for path, code, sentence in found:
            yield f"ContentSequence[{number}].{path}", code, sentence


def _item_faults(item: Attributes, allowed: frozenset[str]) -> Iterator[Fault]:
    if item.text("RelationshipType") not in _RELATIONSHIPS:
        yield "RelationshipType", "content_item", "It is absent or none that is defined."
    if "ReferencedContentItemIdentifier" in item:
        return  # a relationship by reference, which has no value of its own
    value_type = item.text("ValueType")
    if value_type not in allowed:
        yield "ValueType", "content_item", "It is absent or none that documents of this SOP class hold."
        return
    if value_type not in _NAMELESS and item.is_empty("ConceptNameCodeSequence"):
        yield "ConceptNameCodeSequence", "content_item", "The item has no name."
    for keyword in _NEEDED[value_type]:
        if item.is_empty(keyword):
            yield keyword, "content_item", f"A content item of type {value_type} needs it."
    if value_type == "CONTAINER":
        yield from _container(item)
    if value_type == "NUM":
        yield from _measured(item)
    if value_type in ("SCOORD", "SCOORD3D"):
        yield from _points(item, 2 if value_type == "SCOORD" else 3)


def _container(item: Attributes) -> Iterator[Fault]:
    """Continuity, and the template where one is named (PS3.3 C.18.8)."""
    if item.is_empty("ContinuityOfContent"):
        yield "ContinuityOfContent", "content_item", "A content item of type CONTAINER needs it."
    path = "ContentTemplateSequence"
    if path in item and not item.items(path):
        yield path, "content_item", "It is empty, and if it is there it has an item (type 1C)."
    for template in item.items(path):
        for keyword in ("MappingResource", "TemplateIdentifier"):
            if template.is_empty(keyword):
                yield f"{path}[1].{keyword}", "content_item", "A template is named by resource and number."


def _measured(item: Attributes) -> Iterator[Fault]:
    """A number with its unit, or a reason why there is none (PS3.3 C.18.1)."""
    if "MeasuredValueSequence" not in item:
        yield "MeasuredValueSequence", "content_item", "A NUM has it, if without an item."
    for number, value in enumerate(item.items("MeasuredValueSequence"), start=1):
        for keyword in ("NumericValue", "MeasurementUnitsCodeSequence"):
            if value.is_empty(keyword):
                path = f"MeasuredValueSequence[{number}].{keyword}"
                yield path, "content_item", "A measured value has a number and a unit."
        decimal, binary = value.number("NumericValue"), value.number("FloatingPointValue")
        if decimal is not None and binary is not None and not math.isclose(decimal, binary, rel_tol=_DIGITS):
            path = f"MeasuredValueSequence[{number}].FloatingPointValue"
            yield path, "content_item", "It is another number than Numeric Value."
    if item.is_empty("MeasuredValueSequence") and item.is_empty("NumericValueQualifierCodeSequence"):
        yield "NumericValueQualifierCodeSequence", "content_item", "Neither a value nor why there is none."


def _points(item: Attributes, dimensions: int) -> Iterator[Fault]:
    """Graphic Data in whole points, as many as the type has (PS3.3 C.18.6.1.2)."""
    count = len(item.numbers("GraphicData"))
    wanted = _POINTS.get(item.text("GraphicType"))
    if count % dimensions or (wanted and count != wanted * dimensions):
        yield "GraphicData", "content_item", "It does not hold the points that the Graphic Type asks for."
