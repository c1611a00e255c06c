"""What the node creates: one example of each kind of object, described element by element.

Two sets are made, which differ in all that a site or a patient can differ in: what is equal in both is fixed,
what stands in one alone is not always there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ctsma_node.config import OBJECT_KINDS
from ctsma_node.conformance import example
from ctsma_node.conformance.markdown import table
from ctsma_node.deliver.association import proposed_contexts
from ctsma_node.report import NodeIdentity, ReportObject, build_note, build_set
from ctsma_node.report.attributes import LOSSY, PATIENT_AND_STUDY, TYPE_2
from ctsma_node.report.labelmap import LABEL_MAP_SEGMENTATION_STORAGE

_DEPTH = 2
"""Levels of sequences that are described; content items of reports are templates' matter."""
_SPACE = ("FrameOfReferenceUID", "PositionReferenceIndicator", "PatientPosition")
_COPIED = frozenset({*TYPE_2, *PATIENT_AND_STUDY, *LOSSY, *_SPACE})
_CONFIGURED = frozenset({"InstitutionName", "StationName", "DeviceSerialNumber"})
_BULK = frozenset({"OB", "OW", "OF", "OD"})
_NUMBERS = frozenset({"DS", "IS", "FL", "FD", "US", "UL"})
_SHORT = 40
_NAMES = {str(LABEL_MAP_SEGMENTATION_STORAGE): "Label Map Segmentation Storage"}
_WHOLE = frozenset({"ContentSequence"})


@dataclass(frozen=True)
class Element:
    """A row of an IOD table: PS3.2 annex N's presence of value, and where the value comes from."""

    depth: int
    tag: BaseTag
    name: str
    vr: str
    presence: str  # ALWAYS, VNAP (the value may be empty), ANAP (the attribute may be absent), EMPTY
    source: str  # FIXED, COPY, CONFIG, AUTO
    value: str

    @property
    def place(self) -> str:
        """The tag as the standard prints it."""
        return f"({self.tag.group:04X},{self.tag.element:04X})"


@dataclass(frozen=True)
class Created:
    """A SOP class that the node creates instances of."""

    kinds: tuple[str, ...]
    sop_class: str
    syntaxes: tuple[str, ...]  # of the files
    elements: tuple[Element, ...] = ()

    @property
    def proposed(self) -> tuple[str, ...]:
        """The transfer syntaxes that are proposed for it."""
        found = proposed_contexts((self.sop_class, each) for each in self.syntaxes)
        return tuple(dict.fromkeys(str(each.transfer_syntax[0]) for each in found))

    def merged(self, other: Created) -> Created:
        """Both kinds under their one SOP class."""
        return replace(
            self,
            kinds=tuple(dict.fromkeys(self.kinds + other.kinds)),
            syntaxes=tuple(dict.fromkeys(self.syntaxes + other.syntaxes)),
        )


def name_of(uid: str) -> str:
    """The name of a SOP class or transfer syntax, also of those that pydicom's dictionary does not have."""
    return _NAMES.get(uid) or str(UID(uid).name)


def created() -> tuple[Created, ...]:
    """Each kind of object that a destination's `objects` can name, with its attributes."""
    rich, poor = (_first_of_each_kind(_built(number)) for number in (0, 1))
    return tuple(_created(one, poor[kind]) for kind, one in rich.items())


def attributes(of: Created) -> str:
    """The table of one kind of object."""
    heads = ("Attribute", "Tag", "VR", "Value", "Presence", "Source")
    rows = ((">" * e.depth + e.name, e.place, e.vr, e.value, e.presence, e.source) for e in of.elements)
    return table(heads, rows)


def all_attributes(of: Sequence[Created]) -> str:
    """A section for each kind of object."""
    return "\n\n".join(
        f"#### A.1.{n} {name_of(each.sop_class)}: `{', '.join(each.kinds)}`\n\n{attributes(each)}"
        for n, each in enumerate(of, start=1)
    )


def _built(number: int) -> tuple[ReportObject, ...]:
    node = NodeIdentity(
        "ctsma-node", "CT-SMA node", f"0.{number}", f"serial {number}", None if number else "site"
    )
    analysis, headers = example.analysis(number), example.headers(number)
    note = build_note(
        ("no_knee", "metal_implant")[number],
        f"reason {number}",
        headers,
        node=node,
        bundle_digest=analysis.bundle_digest,
    )
    return (*build_set(analysis, headers, node=node, objects=frozenset(OBJECT_KINDS)), note)


def _first_of_each_kind(objects: Sequence[ReportObject]) -> dict[str, ReportObject]:
    found: dict[str, ReportObject] = {}
    for each in objects:
        found.setdefault(each.kind, each)
    return found


def _created(one: ReportObject, other: ReportObject) -> Created:
    syntax = str(one.dataset.file_meta.TransferSyntaxUID)
    elements = tuple(_described(one.dataset, other.dataset, 0))
    return Created((one.kind,), one.sop_class_uid, (syntax,), elements)


def _described(one: Dataset, other: Dataset | None, depth: int) -> Iterator[Element]:
    for element in one:
        twin = None if other is None else other.get(element.tag)
        yield _element(element, twin, depth)
        if element.VR == "SQ" and element.keyword not in _WHOLE and depth < _DEPTH and element.value:
            if "CodeValue" in element.value[0]:
                continue
            yield from _described(element.value[0], twin.value[0] if twin and twin.value else None, depth + 1)


def _element(element: DataElement, twin: DataElement | None, depth: int) -> Element:
    source = _source(element, twin)
    value = _value(element) if source == "FIXED" else ""
    return Element(depth, element.tag, element.name, element.VR, _presence(element, twin), source, value)


def _presence(element: DataElement, twin: DataElement | None) -> str:
    if twin is None:
        return "ANAP"
    if element.is_empty and twin.is_empty:
        return "EMPTY"
    return "VNAP" if element.is_empty or twin.is_empty else "ALWAYS"


def _source(element: DataElement, twin: DataElement | None) -> str:
    if element.keyword in _COPIED:
        return "COPY"
    if element.keyword in _CONFIGURED:
        return "CONFIG"
    fixed = twin is not None and not element.is_empty and _comparable(element) and element.value == twin.value
    return "FIXED" if fixed else "AUTO"


def _comparable(element: DataElement) -> bool:
    """Bulk, numbers that count, lists of them, and sequences without a code are never fixed."""
    if element.VR == "SQ":
        return bool(_code(element))
    if element.keyword == "InstanceNumber":
        return False
    return element.VR not in _BULK and not (element.VR in _NUMBERS and element.VM > 1)


def _value(element: DataElement) -> str:
    if element.VR == "SQ":
        return _code(element)
    text = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


def _code(element: DataElement) -> str:
    """The code of a sequence that holds one; "" for another sequence."""
    if len(element.value) != 1 or "CodeValue" not in element.value[0]:
        return ""
    item = element.value[0]
    return f'({item.CodeValue}, {item.CodingSchemeDesignator}, "{item.CodeMeaning}")'
