"""Whether a file is a Part 10 file and its elements are encoded as they have to be (PS3.5 7, PS3.10 7)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.charset import python_encoding

from ctsma_node.validation.attributes import Attributes, name_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.representation import value_faults
from ctsma_node.validation.walk import Fault, faults_below

_DIRECTORY = 0x0004  # of a DICOMDIR (PS3.3 F)
_META = {
    "MediaStorageSOPClassUID": "SOPClassUID",
    "MediaStorageSOPInstanceUID": "SOPInstanceUID",
}
_META_TYPE_1 = ("FileMetaInformationVersion", *_META, "TransferSyntaxUID", "ImplementationClassUID")
_SENTENCES = {
    "odd_length": "The value has an odd number of bytes; values are padded to an even length.",
    "tag_order": "It stands behind an attribute with a higher tag; tags ascend.",
    "repeated_attribute": "It occurs twice; an attribute stands in a dataset once at most.",
}
_CLAUSES = {
    "odd_length": "PS3.5 7.1.1",
    "tag_order": "PS3.5 7.1",
    "repeated_attribute": "PS3.5 7.1",
    "private_creator": "PS3.5 7.8.1",
    "forbidden_group": "PS3.5 7.1",
    "character_set": "PS3.3 C.12.1.1.2",
    "multiplicity": "PS3.6 6",
    "wrong_vr": "PS3.6 6",
}


def check_encoding(instance: Instance, known: dict[int, tuple[Fault, ...]]) -> Iterator[Finding]:
    """File meta information, structure, and the form of every value; `known` is `walk.faults_below`'s."""
    yield from _meta(instance)
    for path, code, sentence in faults_below(instance.meta, value_faults, known):
        yield instance.finding(code, path, "PS3.10 7.1", sentence)
    for path, code, sentence in faults_below(instance.ds, _level, known):
        yield instance.finding(code, path, _CLAUSES.get(code, "PS3.5 6.2"), sentence)
    yield from _character_set(instance)


def _meta(instance: Instance) -> Iterator[Finding]:
    """File Meta Information: what it needs, and that it names the dataset it stands before (PS3.10 7.1)."""
    meta, clause = instance.meta, "PS3.10 7.1"
    for keyword in _META_TYPE_1:
        if meta.is_empty(keyword):
            yield instance.finding("missing_attribute", keyword, clause, "It is absent or empty (type 1).")
    for keyword, of_dataset in _META.items():
        if not meta.is_empty(keyword) and meta.text(keyword) != instance.ds.text(of_dataset):
            sentence = f"It is another UID than {of_dataset} of the dataset."
            yield instance.finding("meta_differs", keyword, clause, sentence)


def _level(attributes: Attributes) -> Iterator[Fault]:
    for tag, code in attributes.faults:
        yield name_of(tag), code, _SENTENCES[code]
    yield from _groups(attributes)
    yield from value_faults(attributes)


def _groups(attributes: Attributes) -> Iterator[Fault]:
    """No command or file meta elements; private elements in a block with a creator (PS3.5 7.1, 7.8.1)."""
    for tag in attributes.elements:
        group, number = tag >> 16, tag & 0xFFFF
        if (group < 8 and group != _DIRECTORY) or group == 0xFFFF:
            yield name_of(tag), "forbidden_group", f"Elements of group {group:04X} stand in no dataset."
        elif group % 2 and number >= 0x1000 and (group << 16 | number >> 8) not in attributes.elements:
            yield name_of(tag), "private_creator", "Its block of private elements has no private creator."


def _character_set(instance: Instance) -> Iterator[Finding]:
    """Specific Character Set holds defined terms (PS3.3 C.12.1.1.2)."""
    path, clause = "SpecificCharacterSet", "PS3.3 C.12.1.1.2"
    terms = instance.ds.texts(path)
    if any(term not in python_encoding for term in terms):
        yield instance.finding("character_set", path, clause, "It holds a term that is not defined.")
    elif len(terms) > 1 and not all(term.startswith("ISO 2022") for term in terms if term):
        sentence = "A character set without code extensions stands alone."
        yield instance.finding("character_set", path, clause, sentence)
