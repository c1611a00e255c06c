"""Items that objects share: codes, references, and sequences that are encoded once for many."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from highdicom.sr import CodedConcept
from pydicom.charset import default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence_item
from pydicom.tag import Tag

from ctsma_node.report.codes import Code

CHARACTER_SET = "ISO_IR 192"
"""UTF-8 in every object, whatever the source used: names keep their letters, own texts fit beside them."""


def item(**attributes: object) -> Dataset:
    """A dataset with these attributes by keyword."""
    ds = explicit_dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


@lru_cache(maxsize=1024)
def coded(code: Code) -> CodedConcept:
    """A code sequence item (PS3.3 section 8). One object for equal codes: not to be changed."""
    return CodedConcept(code.value, code.scheme, code.meaning)


@lru_cache(maxsize=4096)
def code_element(keyword: str, code: Code) -> RawDataElement:
    """A code sequence of one item, encoded; for a dataset that `explicit_dataset` made."""
    return encoded_sequence(keyword, [coded(code)])


@lru_cache(maxsize=256)
def code_string(keyword: str, value: str) -> RawDataElement:
    """An attribute of VR CS, encoded; for a dataset that `explicit_dataset` made."""
    return _raw(keyword, "CS", value.encode("ascii"))


def decimal_string(keyword: str, value: str) -> RawDataElement:
    """An attribute of VR DS, encoded; `value` has at most 16 characters (PS3.5 6.2)."""
    return _raw(keyword, "DS", value.encode("ascii"))


def explicit_dataset() -> Dataset:
    """An empty dataset whose encoded elements are in explicit VR little endian.

    pydicom writes encoded elements as they stand where it is told that the dataset was read in the encoding
    that is written, and decodes them otherwise.
    """
    ds = Dataset()
    ds.set_original_encoding(False, True, default_encoding)
    return ds


def mark_explicit(ds: Dataset) -> None:
    """Say of the datasets below this one what `explicit_dataset` says of one, where no VR is ambiguous.

    pydicom otherwise walks through all that is below a dataset before it writes it, anew at every level, and
    decodes what is encoded.
    """
    for element in ds.elements():
        if isinstance(element, DataElement) and element.VR == "SQ":
            for below in element.value:
                below.set_original_encoding(False, True, default_encoding)
                mark_explicit(below)


def add(ds: Dataset, element: RawDataElement) -> None:
    """Put an encoded element into a dataset."""
    ds[element.tag] = element


def reference_item(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """A SOP Instance Reference item (PS3.3 table 10-11)."""
    return item(ReferencedSOPClassUID=sop_class_uid, ReferencedSOPInstanceUID=sop_instance_uid)


def encoded_sequence(keyword: str, items: Iterable[Dataset]) -> RawDataElement:
    """A sequence encoded in explicit VR little endian.

    pydicom writes it as it stands and decodes it when somebody asks for it. Encoding only once what thousands
    of frames or dozens of instances share makes a segmentation of 2,000 frames take a tenth of a second.
    """
    buffer = little_endian_buffer()
    for ds in items:
        write_sequence_item(buffer, ds, [CHARACTER_SET])
    return raw_sequence(keyword, buffer.getvalue())


def raw_sequence(keyword: str, encoded_items: bytes) -> RawDataElement:
    """A sequence of items that are encoded already, in explicit VR little endian."""
    return _raw(keyword, "SQ", encoded_items)


def _raw(keyword: str, vr: str, value: bytes) -> RawDataElement:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no attribute of the standard")
    padded = value + b" " * (len(value) % 2)  # the items of a sequence are of even length as they are
    return RawDataElement(Tag(tag), vr, len(padded), padded, 0, is_implicit_VR=False, is_little_endian=True)


def little_endian_buffer() -> DicomBytesIO:
    """A buffer that pydicom encodes into, in explicit VR little endian."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    return buffer
