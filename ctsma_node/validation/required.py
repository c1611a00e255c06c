"""Whether an instance has the attributes that the modules of its SOP class require (PS3.5 7.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.tables import Required, SopClass, tables
from ctsma_node.validation.walk import Fault, faults_below

_CODE_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")


def check_required(
    instance: Instance, known: dict[int, tuple[Fault, ...]], complete: set[tuple[int, int]]
) -> Iterator[Finding]:
    """Attributes of type 1 and 2, enumerated values, and codes.

    `known` is `walk.faults_below`'s, `complete` is that of `missing`.
    """
    sop_class = tables().of(instance.sop_class_uid)
    for module in sop_class.modules_of(instance.ds):
        for path, code, sentence in missing(instance.ds, module.attributes, complete):
            yield instance.finding(code, path, f"PS3.3, {module.name} module", sentence)
    yield from _values_of_class(instance, sop_class)
    for path, code, sentence in faults_below(instance.ds, _level, known):
        yield instance.finding(code, path, "PS3.3", sentence)


def missing(
    ds: Attributes, attributes: Iterable[Required], complete: set[tuple[int, int]]
) -> Iterator[Fault]:
    """What is absent or empty and must not be, here and in items.

    Type 1: absent or empty; 2: absent; 1C, and a sequence of type 3: there and empty. `complete` holds items
    in which nothing is missing, and what was asked of them, both by identity.
    """
    for each in attributes:
        empty = ds.is_empty(each.keyword)
        if each.type == "1" and empty:
            yield each.keyword, "missing_attribute", "It is absent or empty, and needs a value (type 1)."
        elif each.type == "2" and each.keyword not in ds:
            yield each.keyword, "missing_attribute", "It is absent, and has to be there, if empty (type 2)."
        elif each.type in ("1C", "3") and empty and each.keyword in ds:
            sentence = f"It is empty, and if it is there it has a value (type {each.type})."
            yield each.keyword, "empty_attribute", sentence
        items = ds.items(each.keyword) if each.items else ()
        if not items or (id(items), id(each.items)) in complete:
            continue
        below = [
            (f"{each.keyword}[{number}].{path}", code, sentence)
            for number, item in enumerate(items, start=1)
            for path, code, sentence in missing(item, each.items, complete)
        ]
        yield from below
        if not below:
            complete.add((id(items), id(each.items)))


def _values_of_class(instance: Instance, sop_class: SopClass) -> Iterator[Finding]:
    """Values that the SOP class fixes, such as Modality (PS3.3 A, C.8)."""
    for keyword, allowed in sop_class.values.items():
        if not instance.ds.is_empty(keyword) and not _values(instance.ds, keyword) <= set(allowed):
            sentence = f"In a {sop_class.name} it is {' or '.join(map(str, allowed))}."
            yield instance.finding("forbidden_value", keyword, f"PS3.3, {sop_class.name}", sentence)
    if sop_class.pixels and not any(keyword in instance.ds for keyword in sop_class.pixels):
        sentence = f"There is no {' or '.join(sop_class.pixels)}."
        yield instance.finding("missing_attribute", sop_class.pixels[0], "PS3.3 C.7.6.3", sentence)


def _level(attributes: Attributes) -> Iterator[Fault]:
    """Enumerated values and the Code Sequence macro, wherever they occur (PS3.3 8.8)."""
    for keyword, allowed in tables().enumerated.items():
        if keyword in attributes and not _values(attributes, keyword) <= allowed:
            yield keyword, "forbidden_value", f"It is one of {', '.join(map(str, sorted(allowed, key=str)))}."
    stated = [keyword for keyword in _CODE_VALUES if not attributes.is_empty(keyword)]
    if "CodeMeaning" in attributes or stated:
        if len(stated) != 1:
            yield "CodeValue", "code", "A code has one of Code Value, Long Code Value and URN Code Value."
        elif attributes.is_empty("CodeMeaning"):
            yield "CodeMeaning", "code", "A code says what it means."
        elif "URNCodeValue" not in stated and attributes.is_empty("CodingSchemeDesignator"):
            yield "CodingSchemeDesignator", "code", "A code names its coding scheme."


def _values(ds: Attributes, keyword: str) -> set[str | int]:
    element_numbers = ds.numbers(keyword)
    if element_numbers:
        return {int(value) if value == int(value) else str(value) for value in element_numbers}
    return set(ds.texts(keyword))
