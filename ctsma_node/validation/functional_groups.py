"""Functional groups of multi-frame images (PS3.3 C.7.6.16): for each frame once, shared or its own."""

from __future__ import annotations

from collections.abc import Iterator

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.required import missing
from ctsma_node.validation.tables import tables

_SHARED, _EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_CLAUSE = "PS3.3 C.7.6.16"
# Attributes of type 1C whose condition every volume in the patient's space meets.
_CONDITIONAL = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "FrameContentSequence": ("DimensionIndexValues",),
}


def check_functional_groups(instance: Instance) -> Iterator[Finding]:
    """Each frame has the groups that its SOP class asks for, none of them twice."""
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
    yield from _complete(instance, f"{_SHARED}[1]", shared, set())
    seen: set[int] = set()
    for number, group in enumerate(each, start=1):
        yield from _complete(instance, f"{_EACH}[{number}]", group, seen)


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


def _complete(instance: Instance, path: str, groups: Attributes, seen: set[int]) -> Iterator[Finding]:
    """The attributes of the groups; `seen` holds items, by identity, that were looked at."""
    for name, macro in tables().macros.items():
        for item in groups.items(name):
            if id(item) in seen:
                continue
            seen.add(id(item))
            for below, code, sentence in missing(item, macro.attributes):
                yield instance.finding(code, f"{path}.{name}[1].{below}", _CLAUSE, sentence)
            for keyword in _CONDITIONAL.get(name, ()):
                if item.is_empty(keyword):
                    below, sentence = f"{path}.{name}[1].{keyword}", "It is absent or empty (type 1C)."
                    yield instance.finding("missing_attribute", below, _CLAUSE, sentence)
