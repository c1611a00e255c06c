"""What the receiver reads of a dataset, and how it notices that pixels are missing."""

from __future__ import annotations

import struct
import tracemalloc
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset

from ctsma_node.receive.header import Header, read_header
from ctsma_node.receive.refusal import INVALID_UID, NO_PIXELS, TRUNCATED, UNREADABLE, Refusal, Unfit
from ctsma_node.uids import is_uid
from tests.fixtures.encoded import changed, ct_slice, encapsulated, encoded, with_raw

# Making a bad dataset warns; reading one must not.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

NATIVE = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)


def read(data: bytes, syntax: str = uid.ExplicitVRLittleEndian) -> Header:
    return read_header(BytesIO(data), syntax)


def refusal_of(data: bytes, syntax: str = uid.ExplicitVRLittleEndian) -> Refusal:
    with pytest.raises(Unfit) as caught:
        read(data, syntax)
    return caught.value.refusal


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_slice_is_read_in_every_native_syntax(syntax: str) -> None:
    ds = ct_slice(7)
    header = read(encoded(ds, syntax), syntax)
    assert header.sop_instance_uid == ds.SOPInstanceUID
    assert (header.sop_class_uid, header.series_uid) == (ds.SOPClassUID, ds.SeriesInstanceUID)
    geometry = header.geometry
    assert (geometry.rows, geometry.columns, geometry.number_of_frames) == (16, 16, 1)
    assert geometry.position == (0.5, -2.0, 7.0)
    assert geometry.orientation == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert geometry.modality == "CT"


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("cut", [1, 2, 200, 511])
def test_missing_pixel_bytes_are_noticed(syntax: str, cut: int) -> None:
    assert refusal_of(encoded(ct_slice(), syntax)[:-cut], syntax) is TRUNCATED


def test_a_header_that_promises_fewer_pixels_than_its_rows_is_truncated() -> None:
    ds = changed(ct_slice(), Rows=17)
    assert refusal_of(encoded(ds)) is TRUNCATED
    assert refusal_of(encoded(changed(ct_slice(), NumberOfFrames="2"))) is TRUNCATED


def test_an_empty_element_of_a_vr_that_is_none_is_refused() -> None:
    whole = encoded(ct_slice())
    series = whole.index(b"\x20\x00\x0e\x00UI")
    length = int.from_bytes(whole[series + 6 : series + 8], "little")
    empty = whole[:series] + b"\x20\x00\x0e\x00U\xff\0\0" + whole[series + 8 + length :]
    assert refusal_of(empty) is INVALID_UID


def test_trailing_padding_is_no_fault() -> None:
    ds = ct_slice()
    ds.PixelData += b"\0\0"
    ds.add_new(0xFFFCFFFC, "OB", b"\0" * 20)
    assert read(encoded(ds)).sop_instance_uid == ds.SOPInstanceUID


def test_a_multi_frame_counts_its_frames() -> None:
    ds = changed(ct_slice(), NumberOfFrames="3", ImagePositionPatient=None)
    ds.PixelData *= 3
    geometry = read(encoded(ds)).geometry
    assert (geometry.number_of_frames, geometry.position) == (3, None)


def test_whole_fragments_are_whole() -> None:
    ds = encapsulated(ct_slice(), b"\1\2\3\4", b"\5\6")
    assert read(encoded(ds, uid.JPEG2000Lossless), uid.JPEG2000Lossless)


@pytest.mark.parametrize("cut", [1, 8, 9, 12, 20])
def test_missing_fragments_are_noticed(cut: int) -> None:
    data = encoded(encapsulated(ct_slice(), b"\1\2\3\4", b"\5\6"), uid.JPEG2000Lossless)
    assert refusal_of(data[:-cut], uid.JPEG2000Lossless) is TRUNCATED


def test_a_dataset_without_pixels_is_told() -> None:
    assert refusal_of(encoded(changed(ct_slice(), PixelData=None))) is NO_PIXELS
    assert refusal_of(encoded(ct_slice())[:300]) is NO_PIXELS


@pytest.mark.parametrize(
    "keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPClassUID"]
)
@pytest.mark.parametrize("value", [None, "", "../../etc/passwd", "1.2\n3", "1..2", "1." * 33, "1.2.x", ".1"])
def test_a_bad_uid_is_told(keyword: str, value: str | None) -> None:
    ds = ct_slice()
    tag = ds[keyword].tag
    del ds[tag]
    if value is not None:
        with_raw(ds, tag, "UI", value.encode())
    assert refusal_of(encoded(ds)) is INVALID_UID


def test_real_uids_are_taken_though_not_to_the_letter() -> None:
    assert is_uid("1.02.3")
    assert is_uid("1" * 64)
    assert not is_uid("1" * 65)
    assert not is_uid("1.2\u0663")
    assert not is_uid(None)


@pytest.mark.parametrize(
    "raw",
    [b"1\\2", b"a\\b\\c ", b"nan\\1\\2 ", b"1e999\\0\\0", b"0\\0\\1.79769313486e308 ", b"1\\2\\3\\4 ", b""],
)
def test_an_unreadable_position_is_absent(raw: bytes) -> None:
    assert read(encoded(with_raw(ct_slice(), 0x00200032, "DS", raw))).geometry.position is None


def test_a_decimal_comma_is_read_as_it_is_when_the_series_is_assembled() -> None:
    ds = with_raw(ct_slice(), 0x00200032, "DS", b"0,5\\-2,25\\7 ")
    assert read(encoded(ds)).geometry.position == (0.5, -2.25, 7.0)


@pytest.mark.parametrize(("text", "frames"), [("0", 1), ("-3", 1), ("abc", 1), ("9" * 12, 1), (" 1 ", 1)])
def test_a_foolish_number_of_frames_is_one(text: str, frames: int) -> None:
    ds = with_raw(ct_slice(), 0x00280008, "IS", text.encode())
    assert read(encoded(ds)).geometry.number_of_frames == frames


def test_deep_nesting_is_unreadable_and_no_crash() -> None:
    # An undefined length sequence in an item in an undefined length sequence ...
    nested = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    assert refusal_of((nested + item) * 5000) in (UNREADABLE, INVALID_UID)


@settings(max_examples=150)
@given(data=st.binary(max_size=400), keep=st.integers(0, 700), syntax=st.sampled_from(NATIVE))
def test_hostile_bytes_are_refused_and_never_crash(data: bytes, keep: int, syntax: str) -> None:
    whole = encoded(ct_slice(), syntax)
    try:
        header = read(whole[:keep] + data, syntax)
    except Unfit:
        return
    assert is_uid(header.sop_instance_uid)


def nested(syntax: str, depth: int) -> Dataset:
    """A slice with sequences of undefined length, within one another, and beside what is wanted."""
    ds = Dataset()
    for each in ("ReferencedImageSequence", "RequestAttributesSequence"):
        items = [Dataset(), Dataset()]
        items[0].CodeMeaning = "meaning" * 3
        if depth:
            inner = nested(syntax, depth - 1)
            items[1].ContentSequence = [inner]
            items[1]["ContentSequence"].is_undefined_length = True
        for item in items:
            item.is_undefined_length_sequence_item = True
        setattr(ds, each, items)
        ds[each].is_undefined_length = each == "ReferencedImageSequence"
    return ds


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("depth", [0, 1, 4])
def test_what_is_nested_is_stepped_over(syntax: str, depth: int) -> None:
    ds = ct_slice()
    plain = read(encoded(ds, syntax), syntax)
    ds.update(nested(syntax, depth))
    assert read(encoded(ds, syntax), syntax) == plain


PRIVATE_SEQUENCE = struct.pack("<HH2sxxL", 9, 0x1001, b"SQ", 0xFFFFFFFF)
PRIVATE_UNKNOWN = struct.pack("<HH2sxxL", 9, 0x1001, b"UN", 0xFFFFFFFF)
ITEM, ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF), struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def with_element(element: bytes) -> bytes:
    """A slice with an element of group 9."""
    whole = encoded(ct_slice())
    at = whole.find(struct.pack("<HH", 0x0010, 0x0010))
    return whole[:at] + element + whole[at:]


@pytest.mark.parametrize(
    "within", [struct.pack("<HH2sH", 9, 0x1002, b"LO", 2), struct.pack("<HHL", 9, 0x1002, 2)]
)
def test_an_unknown_element_of_undefined_length_is_stepped_over(within: bytes) -> None:
    unknown = PRIVATE_UNKNOWN + ITEM + within + b"ab" + ITEM_END + SEQUENCE_END
    assert read(with_element(unknown)) == read(encoded(ct_slice()))


def test_what_is_nested_takes_no_memory() -> None:
    empty = struct.pack("<HH2sH", 9, 0x1003, b"LO", 0)
    stream = BytesIO(with_element(PRIVATE_SEQUENCE + ITEM + empty * 50_000 + ITEM_END + SEQUENCE_END))
    tracemalloc.start()
    try:
        read_header(stream, uid.ExplicitVRLittleEndian)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_sequence_without_an_end_is_unreadable() -> None:
    assert refusal_of(with_element(PRIVATE_SEQUENCE)) is UNREADABLE


def test_a_header_without_an_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctsma_node.receive.nested._MOST_ELEMENTS", 1000)
    assert refusal_of(with_element(struct.pack("<HH2sH", 9, 0x1003, b"LO", 0) * 1000)) is UNREADABLE
