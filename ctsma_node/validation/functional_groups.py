"""Functional groups of multi-frame images (PS3.3 C.7.6.16): for each frame once, shared or its own."""

from __future__ import annotations

from collections.abc import Iterator

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.required import missing
from ctsma_node.validation.tables import tables
from ctsma_node.validation.walk import Fault

_SHARED, _EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_CLAUSE = "PS3.3 C.7.6.16"
# Attributes of type 1C whose condition every volume in the patient's space meets, by their sequence.
_CONDITIONAL = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "FrameContentSequence": ("DimensionIndexValues",),
    "DerivationImageSequence": ("DerivationCodeSequence",),
    "SourceImageSequence": ("PurposeOfReferenceCodeSequence",),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth"),
}


def check_functional_groups(instance: Instance, complete: set[tuple[int, int]]) -> Iterator[Finding]:
    """Each frame has the groups that its SOP class asks for, none of them twice.

    `complete` is that of `required.missing`.
    """
    wanted = tables().of(instance.sop_class_uid).groups
    if not wanted:
        return
    shared, each = instance.ds.first(_SHARED), instance.ds.items(_EACH)
    if len(instance.ds.items(_SHARED)) > 1:
        yield instance.finding("functional_group", _SHARED, _CLAUSE, "It has more than one item.")
    if shared is None or not each:
        yield instance.finding("functional_group", _EACH, _CLAUSE, "Shared or per-frame groups are absent.")
        return
    yield from _placed(instance, shared, each)
    yield from _complete(instance, f"{_SHARED}[1]", shared, set(), complete)
    seen: set[int] = set()
    for number, group in enumerate(each, start=1):
        yield from _complete(instance, f"{_EACH}[{number}]", group, seen, complete)


def _placed(instance: Instance, shared: Attributes, each: tuple[Attributes, ...]) -> Iterator[Finding]:
    """A group is shared or each frame's own, and no frame is without one it needs."""
    for name, place in tables().of(instance.sop_class_uid).groups.items():
        own = sum(bool(group.items(name)) for group in each)
        if shared.items(name):
            if place == "each":
                sentence = "This group is each frame's own and cannot be shared."
                yield instance.finding("functional_group", f"{_SHARED}[1].{name}", _CLAUSE, sentence)
            if own:
                sentence = f"The group is shared, and {own} frames have one of their own."
                yield instance.finding("functional_group", f"{_SHARED}[1].{name}", _CLAUSE, sentence)
        elif own < len(each):
            first = next(n for n, group in enumerate(each, start=1) if not group.items(name))
            sentence = f"{len(each) - own} of {len(each)} frames have no such group, this one first."
            yield instance.finding("functional_group", f"{_EACH}[{first}].{name}", _CLAUSE, sentence)


def _complete(
    instance: Instance, path: str, groups: Attributes, seen: set[int], complete: set[tuple[int, int]]
) -> Iterator[Finding]:
    """The attributes of the groups; `seen` holds items, by identity, that were looked at."""
    for macro in tables().macros:
        name = macro.keyword
        if macro.type == "1" and name in groups and not groups.items(name):
            sentence = "The group has no item."
            yield instance.finding("functional_group", f"{path}.{name}", _CLAUSE, sentence)
        for item in groups.items(name):
            if id(item) in seen:
                continue
            seen.add(id(item))
            here = f"{path}.{name}[1]"
            for below, code, sentence in (*missing(item, macro.items, complete), *_conditional(name, item)):
                yield instance.finding(code, f"{here}.{below}", _CLAUSE, sentence)


def _conditional(name: str, item: Attributes) -> Iterator[Fault]:
    """Attributes of type 1C of one group, and of the sequences in it."""
    for keyword in _CONDITIONAL.get(name, ()):
        if item.is_empty(keyword):
            yield keyword, "missing_attribute", "It is absent or empty (type 1C)."
    for number, source in enumerate(item.items("SourceImageSequence"), start=1):
        for below, code, sentence in _conditional("SourceImageSequence", source):
            yield f"SourceImageSequence[{number}].{below}", code, sentence
    if name == "RealWorldValueMappingSequence":
        yield from _real_world_values(item)


def _real_world_values(mapping: Attributes) -> Iterator[Fault]:
    """A line, or a table, and the stored values it is for (PS3.3 C.7.6.16.2.11.1)."""
    if "RealWorldValueLUTData" not in mapping:
        for keyword in ("RealWorldValueIntercept", "RealWorldValueSlope"):
            if mapping.is_empty(keyword):
                yield keyword, "missing_attribute", "A mapping without a table is a line."
    for which in ("FirstValueMapped", "LastValueMapped"):
        stated = (f"RealWorldValue{which}", f"DoubleFloatRealWorldValue{which}")
        if all(mapping.is_empty(keyword) for keyword in stated):
            yield stated[0], "missing_attribute", "The mapping does not say which stored values it is for."
    for number, quantity in enumerate(mapping.items("QuantityDefinitionSequence"), start=1):
        if quantity.text("ValueType") == "CODE" and quantity.is_empty("ConceptCodeSequence"):
            path = f"QuantityDefinitionSequence[{number}].ConceptCodeSequence"
            yield path, "missing_attribute", "A quantity of type CODE has a code."
