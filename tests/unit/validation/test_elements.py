"""The reader of encoded elements, beside pydicom's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ctsma_node.validation.attributes import Attributes, name_of
from ctsma_node.validation.elements import DEEPEST, Reader, StructureError
from ctsma_node.validation.instance import Instance, parse
from tests.unit.validation.planted import Written

Row = tuple[str, str, object]
_NUMBERS = ("DS", "IS", "US", "SS", "UL", "SL", "FL", "FD")


def read(content: bytes) -> Attributes:
    found = parse("x", content, Reader())
    assert isinstance(found, Instance), found
    return found.ds


def ours(ds: Attributes, path: str = "") -> Iterator[Row]:
    for element in ds:
        here = path + name_of(element.tag)
        if element.items is not None:
            yield here, "SQ", len(element.items)
            for number, item in enumerate(element.items):
                yield from ours(item, f"{here}[{number}].")
        elif element.vr in _NUMBERS and not here.endswith(")"):  # private ones have no keyword
            yield here, element.vr, ds.numbers(name_of(element.tag))
        elif element.fragments is None:
            yield here, element.vr, len(element.value)


def theirs(ds: Dataset, path: str = "") -> Iterator[Row]:
    for element in ds:
        here = path + name_of(int(element.tag))
        if element.VR == "SQ":
            yield here, "SQ", len(element.value)
            for number, item in enumerate(element.value):
                yield from theirs(item, f"{here}[{number}].")
        elif element.VR in _NUMBERS:
            value = element.value
            several = value if element.VM > 1 else [] if value is None or value == "" else [value]
            yield here, element.VR, tuple(float(each) for each in several)
        elif element.tag != 0x7FE00010 or not ds.file_meta.TransferSyntaxUID.is_compressed:
            yield here, element.VR, None


def same(content: bytes) -> None:
    mine = [row if row[1] in (*_NUMBERS, "SQ") else (*row[:2], None) for row in ours(read(content))]
    assert mine == list(theirs(dcmread(io.BytesIO(content))))


@pytest.mark.parametrize("kind", ["volume", "segmentation", "parametric_map", "report", "picture"])
def test_it_reads_what_pydicom_reads(left: Written, kind: str) -> None:
    same(left.files[kind][0].read_bytes())


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm", "waveform_ecg.dcm", "JPEG2000.dcm"]
)
def test_it_reads_what_others_wrote(name: str) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    content = Path(path).read_bytes()
    mine = {row[0] for row in ours(read(content))}
    assert mine >= {row[0] for row in theirs(dcmread(io.BytesIO(content))) if not row[0].startswith("(")}


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian]
)
def test_transfer_syntaxes_say_the_same(left: Written, syntax: UID) -> None:
    ds = dcmread(left.files["viewer_report"][0])
    list(ds.iterall())
    ds.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    expected = list(ours(read(left.files["viewer_report"][0].read_bytes())))
    assert list(ours(read(buffer.getvalue()))) == expected


def test_undefined_lengths_say_the_same(left: Written) -> None:
    ds = dcmread(left.files["viewer_report"][0])
    for element in ds.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
    buffer = io.BytesIO()
    dcmwrite(buffer, ds)
    assert buffer.getvalue().count(b"\xfe\xff\xdd\xe0") > 50
    assert list(ours(read(buffer.getvalue()))) == list(
        ours(read(left.files["viewer_report"][0].read_bytes()))
    )


def test_equal_sequences_are_read_once(left: Written) -> None:
    ds = read(left.files["segmentation"][0].read_bytes())
    groups = ds.items("PerFrameFunctionalGroupsSequence")
    derivations = [group.items("DerivationImageSequence")[0] for group in groups]
    assert len({id(item) for item in derivations}) < len(groups)


def test_deep_nesting_is_no_way_to_end_the_program() -> None:
    content = b""
    for _ in range(DEEPEST + 5):
        item = b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content
        content = b"\x40\x00\x30\xa7SQ\x00\x00" + len(item).to_bytes(4, "little") + item
    with pytest.raises(StructureError, match="nested"):
        Reader().dataset(content)


def test_an_inflated_dataset_that_is_cut_short(left: Written) -> None:
    ds = dcmread(left.files["viewer_report"][0])
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, implicit_vr=False, little_endian=True)
    found = parse("x", buffer.getvalue()[:-200], Reader())
    assert not isinstance(found, Instance)
    assert "cut short" in found.sentence
