"""Stored values become Hounsfield units, whatever signs, bits, padding and syntax they were written with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from ctsma_node.assemble import read_series, to_volume
from ctsma_node.errors import Refused
from tests.conftest import RequireTool
from tests.fixtures.ct_series import Array, StackPlan, multi_frame, scene, single_frames, store, stored, write

PLAN = StackPlan(slices=5)


def expected(plan: StackPlan = PLAN) -> Array:
    return np.maximum(np.stack([scene(plan.points(k)) for k in range(plan.slices)]), -1024)


def hu_of(datasets: list[Dataset], folder: Path) -> Array:
    return to_volume(read_series(write(datasets, folder))).hu.astype(np.float64)


SIGNED = {"PixelRepresentation": 1, "RescaleIntercept": "0"}
STORAGES: dict[str, dict[str, Any]] = {
    "unsigned": {},
    "signed": SIGNED,
    "12 bits": {"BitsStored": 12, "HighBit": 11},
    "12 bits signed": SIGNED | {"BitsStored": 12, "HighBit": 11},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1"},
    "negative slope": {"RescaleSlope": "-1", "RescaleIntercept": "3000"},
    "coarse slope": {"RescaleSlope": "2.5"},
    "no rescale type": {"RescaleType": None},
}


@pytest.mark.parametrize("attributes", STORAGES.values(), ids=STORAGES)
def test_storage_means_nothing(attributes: dict[str, Any], tmp_path: Path) -> None:
    slope = abs(float(attributes.get("RescaleSlope", "1")))
    assert np.abs(hu_of(single_frames(PLAN, **attributes), tmp_path) - expected()).max() <= 0.51 * slope


def test_bits_above_the_stored_ones_are_cleared(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, BitsStored=12, HighBit=11)
    for ds in datasets:
        ds.PixelData = (stored(ds) | 0x8000).tobytes()  # an old overlay lives in bit 15
    assert np.abs(hu_of(datasets, tmp_path) - expected()).max() <= 0.51


SIGNED12 = SIGNED | {"BitsStored": 12, "HighBit": 11}


def dense(datasets: list[Dataset], hu: int) -> None:
    for ds in datasets:
        values = stored(ds)
        values[6:9, 6:9] = hu
        ds.PixelData = values.tobytes()


@pytest.mark.parametrize("syntax", [None, RLELossless], ids=["native", "RLE"])
def test_signed_values_that_are_wider_than_their_header_says_are_refused(
    syntax: str | None, tmp_path: Path
) -> None:
    datasets = single_frames(PLAN, **SIGNED12)
    dense(datasets, 2500)
    for ds in datasets:
        if syntax is not None:
            ds.BitsStored, ds.HighBit = 16, 15  # what a compressor demands of such values
            ds.compress(syntax, generate_instance_uid=False)
            ds.BitsStored, ds.HighBit = 12, 11
    with pytest.raises(Refused, match=r"no_calibrated_hu.*Bits Stored"):
        hu_of(datasets, tmp_path)


def test_signed_values_that_fill_their_bits_are_read(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, **SIGNED12)
    dense(datasets, 2047)
    assert np.all(hu_of(datasets, tmp_path)[:, 6:9, 6:9] == 2047)


@pytest.mark.parametrize("padding", [None, -2000, 3050])
@pytest.mark.parametrize("extended", [True, False], ids=["sign extended", "sign cleared"])
def test_padding_does_not_tell_how_wide_signed_values_are(
    padding: int | None, extended: bool, tmp_path: Path
) -> None:
    """It was put in later, in 16 bits."""
    datasets = single_frames(PLAN, **SIGNED12)
    for ds in datasets:
        values = stored(ds)
        ds.PixelData = (values if extended else values & 0x0FFF).tobytes()
        if padding is not None:
            ds.add_new("PixelPaddingValue", "SS", padding)
    corners(datasets, -2000 if padding is None else padding)
    hu = hu_of(datasets, tmp_path)
    assert np.abs(hu - expected())[:, 2:, 2:].max() <= 0.51


def test_an_overlay_does_not_tell_how_wide_signed_values_are(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, **SIGNED12)
    dense(datasets, 2000)
    for ds in datasets:
        values = stored(ds)
        values[6:9, 6:9] |= 0x1000
        ds.PixelData = values.tobytes()
        ds.add_new(0x60000102, "US", 12)
    assert np.all(hu_of(datasets, tmp_path)[:, 6:9, 6:9] == 2000)


def in_the_upper_bits(ds: Dataset) -> None:
    ds.PixelData = (stored(ds) << 4).tobytes()
    ds.BitsStored, ds.HighBit = 12, 15


@pytest.mark.parametrize("attributes", [{}, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless], ids=["native", "RLE", "J2K"])
def test_values_in_the_upper_bits_are_refused(
    attributes: dict[str, Any], syntax: str | None, tmp_path: Path
) -> None:
    datasets = single_frames(StackPlan(rows=48, columns=40, slices=2), **attributes)
    for ds in datasets:
        in_the_upper_bits(ds)
        if syntax is not None:
            ds.BitsStored = 16  # what a compressor demands of such values
            ds.compress(syntax, generate_instance_uid=False)
            ds.BitsStored = 12
    with pytest.raises(Refused, match=r"no_calibrated_hu.*High Bit"):
        hu_of(datasets, tmp_path)


@pytest.mark.parametrize("attributes", [{}, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("extended", [True, False], ids=["sign extended", "sign cleared"])
def test_a_wrong_high_bit_over_values_in_their_place_means_nothing(
    attributes: dict[str, Any], extended: bool, tmp_path: Path
) -> None:
    datasets = single_frames(PLAN, **attributes, BitsStored=12, HighBit=15)
    for ds in datasets:
        values = stored(ds)
        ds.PixelData = (values if extended else values & 0x0FFF).tobytes()
    assert np.abs(hu_of(datasets, tmp_path) - expected()).max() <= 0.51


def corners(datasets: list[Dataset], value: int) -> None:
    for ds in datasets:
        values = stored(ds)
        values[:2, :2] = np.array(value).astype(values.dtype)
        ds.PixelData = values.tobytes()


@pytest.mark.parametrize(
    ("attributes", "value", "padding"),
    [
        (SIGNED, -2000, ("SS", -2000)),
        (SIGNED, -2000, ("US", 63536)),  # written unsigned over signed pixels
        ({}, 63536, ("US", 63536)),
        ({}, 63536, None),  # a negative value wrapped round, and no tag that says so
        (SIGNED, -8192, None),
        (SIGNED, 0, ("SS", 0)),
    ],
)
def test_padding_becomes_air(
    attributes: dict[str, Any], value: int, padding: tuple[str, int] | None, tmp_path: Path
) -> None:
    datasets = single_frames(PLAN, **attributes)
    corners(datasets, value)
    for ds in datasets:
        if padding:
            ds.add_new("PixelPaddingValue", *padding)
    hu = hu_of(datasets, tmp_path)
    assert np.all(hu[:, :2, :2] == -1024)
    inside = np.ones(hu.shape[1:], dtype=bool)
    inside[:2, :2] = False
    assert np.abs(hu - expected())[:, inside].max() <= 0.51


@pytest.mark.parametrize("slope", ["0.5", "0.1", "1.2"])
def test_a_wrapped_padding_value_is_known_whatever_its_slope(slope: str, tmp_path: Path) -> None:
    datasets = single_frames(PLAN, RescaleSlope=slope)
    corners(datasets, 63536)
    hu = hu_of(datasets, tmp_path)
    assert np.all(hu[:, :2, :2] == -1024)
    inside = np.ones(hu.shape[1:], dtype=bool)
    inside[:2, :2] = False
    assert np.abs(hu - expected())[:, inside].max() <= 0.51 * float(slope)


def test_metal_at_the_border_of_a_finely_scaled_image_is_no_padding(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, RescaleSlope="0.1")
    corners(datasets, 63536)
    for ds in datasets:
        values = stored(ds)
        values[6:9, -3:] = 50240  # 4000 HU
        ds.PixelData = values.tobytes()
    assert np.all(hu_of(datasets, tmp_path)[:, 6:9, -3:] == 4000)


def test_tissue_in_a_corner_is_no_wrapped_padding(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, RescaleIntercept="-32768")
    corners(datasets, 32768 + 40)
    assert np.all(hu_of(datasets, tmp_path)[:, :2, :2] == 40)


UNSIGNED12 = {"BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize(
    ("attributes", "value", "padding", "limit"),
    [
        (UNSIGNED12, 63536, ("US", 63536), None),
        (UNSIGNED12, 63536, ("SS", -2000), None),
        (UNSIGNED12, 63540, ("US", 63536), ("US", 63550)),
        (SIGNED | UNSIGNED12, -3000, ("SS", -3000), None),
    ],
)
def test_padding_that_the_stored_bits_have_no_room_for_becomes_air(
    attributes: dict[str, Any],
    value: int,
    padding: tuple[str, int],
    limit: tuple[str, int] | None,
    tmp_path: Path,
) -> None:
    datasets = single_frames(PLAN, **attributes)
    corners(datasets, value)
    for ds in datasets:
        ds.add_new("PixelPaddingValue", *padding)
        if limit:
            ds.add_new("PixelPaddingRangeLimit", *limit)
    hu = hu_of(datasets, tmp_path)
    assert np.all(hu[:, :2, :2] == -1024)
    inside = np.ones(hu.shape[1:], dtype=bool)
    inside[:2, :2] = False
    assert np.abs(hu - expected())[:, inside].max() <= 0.51


def test_padding_beyond_the_stored_bits_does_not_hollow_the_bone_that_looks_like_it(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, **UNSIGNED12)
    for ds in datasets:
        values = stored(ds)
        values[8, 8] = 63536 & 0x0FFF
        ds.PixelData = values.tobytes()
        ds.add_new("PixelPaddingValue", "US", 63536)
    assert np.all(hu_of(datasets, tmp_path)[:, 8, 8] == 1072)


def test_padding_value_of_a_tissue_does_not_hollow_it(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, **SIGNED)
    for ds in datasets:
        values = stored(ds)
        values[8, 8], values[:, 0] = 0, 0
        ds.PixelData = values.tobytes()
        ds.add_new("PixelPaddingValue", "SS", 0)
    hu = hu_of(datasets, tmp_path)
    assert np.all(hu[:, 8, 8] == 0)
    assert np.all(hu[:, :, 0] == -1024)


def test_padding_range(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, **SIGNED)
    corners(datasets, 3050)
    for ds in datasets:
        ds.add_new("PixelPaddingValue", "SS", 3071)
        ds.add_new("PixelPaddingRangeLimit", "SS", 3000)
    assert np.all(hu_of(datasets, tmp_path)[:, :2, :2] == -1024)


def test_each_slice_has_its_own_rescale(tmp_path: Path) -> None:
    datasets = single_frames(PLAN)
    for at, ds in enumerate(datasets):
        ds.RescaleSlope, ds.RescaleIntercept = str(1 + at / 4), str(-1100 - at)
        store(ds, scene(PLAN.points(at)))
    assert np.abs(hu_of(datasets, tmp_path) - expected()).max() <= 1.01


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_native_syntaxes(syntax: str, tmp_path: Path) -> None:
    datasets = single_frames(PLAN)
    for ds in datasets:
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = stored(ds).byteswap().tobytes()
        ds.file_meta.TransferSyntaxUID = UID(syntax)
    assert np.abs(hu_of(datasets, tmp_path) - expected()).max() <= 0.51


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=["RLE", "JPEG-LS", "J2K"]
)
@pytest.mark.parametrize("attributes", [{}, SIGNED, {"BitsStored": 12, "HighBit": 11}], ids=str)
def test_lossless_compression(syntax: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    plan = StackPlan(rows=48, columns=40, slices=3)  # JPEG 2000 needs room for its resolutions
    datasets = single_frames(plan, **attributes)
    for ds in datasets:
        ds.compress(syntax, generate_instance_uid=False)
    assert np.abs(hu_of(datasets, tmp_path) - expected(plan)).max() <= 0.51


def test_compressed_multi_frame(tmp_path: Path) -> None:
    plan = StackPlan(slices=9)
    ds = multi_frame(plan, order=[8, 1, 6, 3, 4, 5, 2, 7, 0])
    ds.compress(RLELossless, generate_instance_uid=False)
    assert np.abs(hu_of([ds], tmp_path) - expected(plan)).max() <= 0.76


@pytest.mark.parametrize("option", ["+e1", "+el"], ids=["JPEG lossless SV1", "JPEG lossless"])
def test_jpeg_lossless_by_dcmtk(option: str, require_tool: RequireTool, tmp_path: Path) -> None:
    tool = require_tool("dcmcjpeg")
    compressed = []
    for path in write(single_frames(PLAN), tmp_path):
        compressed.append(path.with_suffix(".jpeg"))
        subprocess.run([tool, option, "+un", str(path), str(compressed[-1])], check=True, capture_output=True)
    hu = to_volume(read_series(compressed)).hu
    assert np.abs(hu - expected()).max() <= 0.51


UNSAID: dict[str, dict[str, Any]] = {
    "no Samples per Pixel": {"SamplesPerPixel": None},
    "no Photometric Interpretation": {"PhotometricInterpretation": None},
    "Photometric Interpretation empty": {"PhotometricInterpretation": ""},
    "Photometric Interpretation in lower case": {"PhotometricInterpretation": " monochrome2"},
    "no Bits Stored": {"BitsStored": None},
    "no Bits Stored and no High Bit": {"BitsStored": None, "HighBit": None},
}


def unsaid(datasets: list[Dataset], attributes: dict[str, Any]) -> None:
    for ds in datasets:
        for keyword, value in attributes.items():
            delattr(ds, keyword)
            if value is not None:
                setattr(ds, keyword, value)


@pytest.mark.parametrize("attributes", UNSAID.values(), ids=UNSAID)
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless], ids=["native", "RLE", "JPEG-LS"])
def test_what_goes_without_saying_of_a_ct_need_not_be_said(
    attributes: dict[str, Any], syntax: str | None, tmp_path: Path
) -> None:
    datasets = single_frames(PLAN)
    for ds in datasets:
        if syntax is not None:
            ds.compress(syntax, generate_instance_uid=False)
    unsaid(datasets, attributes)
    assert np.abs(hu_of(datasets, tmp_path) - expected()).max() <= 0.51


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"PixelRepresentation": None}, "Pixel Representation"),
        ({"BitsAllocated": None}, "Bits Allocated"),
        ({"BitsStored": None, "HighBit": 11}, "Bits Stored"),
    ],
)
def test_values_of_unknown_width_or_sign_are_refused_by_name(
    attributes: dict[str, Any], named: str, tmp_path: Path
) -> None:
    datasets = single_frames(PLAN)
    unsaid(datasets, attributes)
    with pytest.raises(Refused, match=f"no_calibrated_hu.*{named} "):
        hu_of(datasets, tmp_path)


def shorten(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[:100]


def drop_pixels(ds: Dataset) -> None:
    del ds.PixelData


def spoil(ds: Dataset) -> None:
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    ds.PixelData = ds.PixelData[:30] + b"\0" * (len(ds.PixelData) - 30)


def in_fragments(path: Path) -> None:
    """Pixel Data as encapsulated, under the native syntax that the file names."""
    ds = dcmread(path)
    raw = ds.PixelData
    del ds.PixelData
    ds.save_as(path)
    items = b"".join(b"\xfe\xff\x00\xe0" + len(each).to_bytes(4, "little") + each for each in (b"", raw))
    head = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    path.write_bytes(path.read_bytes() + head + items + b"\xfe\xff\xdd\xe0\0\0\0\0")


def test_fragments_under_a_native_syntax_are_refused(tmp_path: Path) -> None:
    paths = write(single_frames(PLAN), tmp_path)
    for path in paths:
        in_fragments(path)
    with pytest.raises(Refused, match="undecodable_pixels"):
        to_volume(read_series(paths))


@pytest.mark.parametrize("table", ["basic", "extended"])
def test_a_wrong_offset_does_not_hide_a_single_frame(table: str, tmp_path: Path) -> None:
    datasets = single_frames(PLAN)
    truth = to_volume(read_series(write(datasets, tmp_path))).hu
    for ds in datasets:
        ds.compress(JPEGLSLossless, generate_instance_uid=False)
        behind = 8 + int.from_bytes(ds.PixelData[4:8], "little")
        offsets = (1000).to_bytes(4, "little") if table == "basic" else b""
        head = b"\xfe\xff\x00\xe0" + len(offsets).to_bytes(4, "little") + offsets
        ds.PixelData = head + ds.PixelData[behind:]
        if table == "extended":
            ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = bytes([8] * 8), bytes([1] * 8)
    np.testing.assert_array_equal(to_volume(read_series(write(datasets, tmp_path))).hu, truth)


@pytest.mark.parametrize(
    ("damage", "code"),
    [(shorten, "truncated_pixels"), (drop_pixels, "missing_pixels"), (spoil, "undecodable_pixels")],
)
def test_damaged_pixels_are_named(damage: Callable[[Dataset], None], code: str, tmp_path: Path) -> None:
    datasets = single_frames(PLAN)
    damage(datasets[2])
    series = read_series(write(datasets, tmp_path))
    with pytest.raises(Refused) as refusal:
        to_volume(series)
    assert refusal.value.code == code


def test_frames_missing_from_a_multi_frame_are_named(tmp_path: Path) -> None:
    ds = multi_frame(PLAN)
    ds.PixelData = ds.PixelData[: 3 * 16 * 20 * 2]
    series = read_series(write([ds], tmp_path))
    with pytest.raises(Refused) as refusal:
        to_volume(series)
    assert refusal.value.code == "truncated_pixels"


def test_a_stored_file_is_not_changed(tmp_path: Path) -> None:
    paths = write(single_frames(PLAN), tmp_path)
    before = [path.read_bytes() for path in paths]
    to_volume(read_series(paths))
    assert [path.read_bytes() for path in paths] == before
    assert all("PixelData" in dcmread(path) for path in paths)
