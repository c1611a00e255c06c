"""Every oddity has its code, and what is merely odd is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEGLSNearLossless,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from ctsma_node.assemble import read_series, to_volume
from ctsma_node.errors import Refused
from ctsma_node.gate import REASONS, GateSettings, accept_headers, accept_volume
from ctsma_node.gate.patient import age_at_scan, stated_age
from tests.fixtures.ct_series import StackPlan, multi_frame, rotation, single_frames, stored, write

Oddity = Callable[[list[Dataset]], list[Dataset] | None]


def judge(datasets: list[Dataset], folder: Path, limits: GateSettings | None = None) -> None:
    """Everything that happens to a series before it is analysed."""
    limits = limits or GateSettings()
    series = read_series(write(datasets, folder))
    accept_headers(series, limits)
    accept_volume(to_volume(series), series, limits)


def every(**attributes: object) -> Oddity:
    """The attributes in all instances; None deletes one."""

    def apply(datasets: list[Dataset]) -> None:
        for ds in datasets:
            for keyword, value in attributes.items():
                if value is None and keyword in ds:
                    delattr(ds, keyword)
                elif value is not None:
                    setattr(ds, keyword, value)

    return apply


def one(**attributes: object) -> Oddity:
    """The attributes in one instance in the middle."""

    def apply(datasets: list[Dataset]) -> None:
        every(**attributes)(datasets[20:21])

    return apply


def moved(k: int, lps: tuple[float, float, float]) -> Oddity:
    def apply(datasets: list[Dataset]) -> None:
        here = np.array([float(each) for each in datasets[k].ImagePositionPatient])
        datasets[k].ImagePositionPatient = [f"{each:.4f}" for each in here + lps]

    return apply


def raw(keyword: str, value: bytes, vr: str = "DS") -> Oddity:
    """Bytes that no writer of valid DICOM would produce."""

    def apply(datasets: list[Dataset]) -> None:
        tag = BaseTag(tag_for_keyword(keyword) or 0)
        for ds in datasets:
            ds[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)

    return apply


def without(*numbers: int) -> Oddity:
    return lambda datasets: [ds for k, ds in enumerate(datasets) if k not in numbers]


def plan(**changes: object) -> Oddity:
    return lambda _: single_frames(StackPlan(**changes))  # type: ignore[arg-type]


def syntax(uid: str) -> Oddity:
    def apply(datasets: list[Dataset]) -> None:
        for ds in datasets:
            ds.file_meta.TransferSyntaxUID = UID(uid)
            ds.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
            ds["PixelData"].is_undefined_length = True

    return apply


def sop_class(uid: str) -> Oddity:
    def apply(datasets: list[Dataset]) -> None:
        for ds in datasets:
            ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(uid)

    return apply


def doubled_with_other_pixels(datasets: list[Dataset]) -> list[Dataset]:
    other = single_frames(StackPlan(first=(-7.3, 4.1, -31.7)), ConvolutionKernel="B80")
    for ds, twin in zip(datasets, other, strict=True):
        twin.SeriesInstanceUID, twin.StudyInstanceUID = ds.SeriesInstanceUID, ds.StudyInstanceUID
        twin.FrameOfReferenceUID = ds.FrameOfReferenceUID
        twin.PixelData = (stored(ds) + 7).astype(np.uint16).tobytes()
    return datasets + other


def beside(first: tuple[float, float, float]) -> Oddity:
    """A second field of view in the same planes, as when each knee is reconstructed by itself."""

    def apply(datasets: list[Dataset]) -> list[Dataset]:
        other = single_frames(StackPlan(first=first))
        for twin in other:
            twin.SeriesInstanceUID, twin.StudyInstanceUID = (
                datasets[0].SeriesInstanceUID,
                datasets[0].StudyInstanceUID,
            )
            twin.FrameOfReferenceUID = datasets[0].FrameOfReferenceUID
        return datasets + other

    return apply


def beyond_all_numbers(datasets: list[Dataset]) -> None:
    for k, ds in enumerate(datasets):
        ds.ImagePositionPatient = ["0", "0", f"{k - 20}e306"]


def bent(datasets: list[Dataset]) -> None:
    for k in range(40):
        moved(k, (0.004 * (k - 20) ** 2, 0, 0))(datasets)


def grown(datasets: list[Dataset]) -> None:
    """Spacing of 1.5 mm in one half, 1.7 mm in the other."""
    for k in range(20, 40):
        moved(k, (0, 0, 0.2 * (k - 19)))(datasets)


def jittered(datasets: list[Dataset]) -> None:
    for k, shift in enumerate(np.random.default_rng(3).uniform(-0.05, 0.05, 40)):
        moved(k, (0, 0, float(shift)))(datasets)


def without_intercept(datasets: list[Dataset]) -> None:
    every(RescaleIntercept="0")(datasets)


def inverted(datasets: list[Dataset]) -> None:
    for ds in datasets:
        ds.PixelData = (4095 - stored(ds)).astype(np.uint16).tobytes()


def blank(datasets: list[Dataset]) -> None:
    datasets[11].PixelData = bytes(len(datasets[11].PixelData))


def screw(hu: float) -> Oddity:
    def apply(datasets: list[Dataset]) -> None:
        for ds in datasets[10:20]:
            values = stored(ds)
            values[4:9, 5:11] = hu + 1024
            ds.PixelData = values.tobytes()

    return apply


def noise_above_cortex(datasets: list[Dataset]) -> None:
    """Single voxels beyond the end of the 12-bit scale, as noise on cortex under a sharp kernel."""
    draw = np.random.default_rng(5)
    for ds in datasets:
        values = stored(ds)
        values[draw.random(values.shape) < 0.03] = 3071 + 1024
        ds.PixelData = values.tobytes()


def first_concatenation_part(_: list[Dataset]) -> list[Dataset]:
    ds = multi_frame()
    ds.ConcatenationUID, ds.InConcatenationNumber, ds.InConcatenationTotalNumber = generate_uid(), 1, 2
    return [ds]


def frames_without_groups(_: list[Dataset]) -> list[Dataset]:
    ds = multi_frame()
    del ds.PerFrameFunctionalGroupsSequence[-3:]
    return [ds]


def classic_with_many_frames(datasets: list[Dataset]) -> list[Dataset]:
    datasets[0].NumberOfFrames = 40
    datasets[0].PixelData = datasets[0].PixelData * 40
    return datasets[:1]


def two_stacks_of_one_instance(_: list[Dataset]) -> list[Dataset]:
    return [multi_frame(order=[*range(40), *range(40)])]


def virtual_monoenergetic_frames(_: list[Dataset]) -> list[Dataset]:
    ds = multi_frame()
    for group in ds.PerFrameFunctionalGroupsSequence:
        group.CTImageFrameTypeSequence[0].FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "VMI"]
    return [ds]


MULTI_ENERGY = ["VMI", "MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL", "MAT_MODIFIED", "MAT_VALUE_BASED"]
MULTI_ENERGY += ["EFF_ATOMIC_NUM", "ELECTRON_DENSITY"]
"""Defined terms of Image Type value 4 (PS3.3 C.8.2.1.1.1)."""
SPECTRAL = [*MULTI_ENERGY, "MONOE_70", "VNCa", "Z_EFFECTIVE"]
SCOUT = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
OTHER_ORIENTATION = [1, 0, 0, 0, 0, -1]
REFUSALS: list[tuple[str, Oddity]] = [
    ("not_ct", every(Modality="MR")),
    ("not_ct", sop_class(MRImageStorage)),
    ("not_ct", sop_class("1.2.3.4.5")),
    ("quadruped", every(AnatomicalOrientationType="QUADRUPED")),
    ("quadruped", one(AnatomicalOrientationType="QUADRUPED")),
    ("secondary_capture", sop_class(SecondaryCaptureImageStorage)),
    ("secondary_capture", every(ConversionType="WSD")),
    ("not_a_ct_image", every(PhotometricInterpretation="PALETTE COLOR")),
    ("not_a_ct_image", every(PhotometricInterpretation="RGB", SamplesPerPixel=3)),
    ("not_a_ct_image", every(BitsAllocated=8, BitsStored=8, HighBit=7)),
    ("localizer", every(ImageType=SCOUT)),
    ("localizer", every(ImageType=["ORIGINAL", "PRIMARY", "OTHER", "CT_SOM5 TOPOGRAM"])),
    ("burned_in_annotation", every(BurnedInAnnotation="YES")),
    ("lossy_compressed", every(LossyImageCompression="01")),
    ("lossy_compressed", one(LossyImageCompression="01")),
    ("lossy_compressed", syntax(JPEG2000)),
    ("lossy_compressed", syntax(JPEGLSNearLossless)),
    ("unsupported_transfer_syntax", syntax("1.2.840.10008.1.2.4.100")),
    ("derived", every(ImageType=["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"])),
    ("derived", every(ImageType=["DERIVED", "SECONDARY", "MPR"])),
    ("derived", every(ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
    ("projection", every(ImageType=["DERIVED", "SECONDARY", "REFORMATTED", "MIP"])),
    ("projection", every(ImageType=["DERIVED", "SECONDARY", "OTHER", "CSA MINIP"])),
    ("projection", every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 VRT"])),
    ("projection", every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "MIN_IP"])),
    ("material_map", every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "IODINE"])),
    *(("material_map", every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", word])) for word in SPECTRAL),
    ("material_map", virtual_monoenergetic_frames),
    ("no_calibrated_hu", every(RescaleSlope=None)),
    ("no_calibrated_hu", every(RescaleIntercept=None)),
    ("no_calibrated_hu", one(RescaleSlope=None, RescaleIntercept=None)),
    ("no_calibrated_hu", every(RescaleSlope="0")),
    ("no_calibrated_hu", every(RescaleType="US")),
    ("no_calibrated_hu", every(RescaleType="Z_EFF")),
    ("no_calibrated_hu", without_intercept),
    ("no_calibrated_hu", inverted),
    ("material_map", every(MonoenergeticEnergyEquivalent=40.0)),
    (
        "mixed_reconstruction",
        lambda ds: every(ConvolutionKernel="Br36")(ds) or one(ConvolutionKernel="Br76")(ds),
    ),
    ("mixed_reconstruction", lambda ds: every(KVP="120")(ds) or one(KVP="80")(ds)),
    ("paediatric_age", every(PatientAge="000Y")),
    ("paediatric_age", every(PatientAge="012Y")),
    ("paediatric_age", every(PatientAge="030M")),
    ("paediatric_age", every(PatientAge="010W")),
    ("paediatric_age", every(PatientAge="120D")),
    ("paediatric_age", every(PatientAge="17")),
    ("paediatric_age", every(PatientAge=None, PatientBirthDate="20080315")),
    ("paediatric_age", every(PatientAge="", PatientBirthDate="2015.01.01")),
    ("paediatric_age", raw("PatientAge", b"12 years", "AS")),
    ("paediatric_age", lambda ds: every(PatientAge=None)(ds) or raw("PatientBirthDate", b"2015", "DA")(ds)),
    (
        "paediatric_age",
        every(
            PatientAge="",
            PatientBirthDate="20150315",
            StudyDate="",
            AcquisitionDateTime="20260314101010.5+0100",
        ),
    ),
    ("missing_uid", every(StudyInstanceUID=None)),
    ("missing_uid", one(StudyInstanceUID="")),
    ("missing_uid", every(StudyInstanceUID="1." + "2" * 63)),
    ("missing_uid", every(SeriesInstanceUID="1.2.x")),
    ("several_series", one(SeriesInstanceUID="1.2.3")),
    ("several_series", one(StudyInstanceUID="1.2.3")),
    ("several_patients", one(PatientID="OTHER")),
    ("no_geometry", every(ImagePositionPatient=None)),
    ("no_geometry", one(ImagePositionPatient="")),
    ("no_geometry", one(ImageOrientationPatient=None)),
    ("no_geometry", every(ImageOrientationPatient=[0, 0, 0, 0, 0, 0])),
    ("no_geometry", every(ImageOrientationPatient=[1, 0, 0, 1, 0, 0])),
    ("no_geometry", every(PixelSpacing=None, ImagerPixelSpacing=[0.5, 0.5])),
    ("no_geometry", every(PixelSpacing=[0, 0])),
    ("no_geometry", one(ImagePositionPatient=["0", "0", "1.79769313486e308"])),
    ("no_geometry", beyond_all_numbers),
    ("no_geometry", frames_without_groups),
    ("no_geometry", classic_with_many_frames),
    ("mixed_frame_of_reference", one(FrameOfReferenceUID="1.2.3")),
    ("mixed_matrix", one(Rows=8)),
    ("mixed_matrix", one(PixelSpacing=[0.7, 0.7])),
    ("several_orientations", one(ImageOrientationPatient=OTHER_ORIENTATION)),
    ("several_orientations", one(ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])),
    ("several_orientations", one(ImageOrientationPatient=[1, 0, 0, 0, 0.99985, 0.01732])),
    ("several_stacks", beside((92.7, 4.1, -31.7))),
    ("duplicate_positions", moved(20, (0, 0, 1.5))),
    ("duplicate_positions", doubled_with_other_pixels),
    ("too_few_slices", lambda datasets: datasets[:29]),
    ("too_few_slices", lambda datasets: datasets[:1]),
    ("missing_slices", without(20)),
    ("missing_slices", without(3, 4, 5, 6)),
    (
        "missing_slices",
        lambda datasets: [ds for k, ds in enumerate(single_frames(StackPlan(slices=60))) if k % 3],
    ),
    ("missing_instances", first_concatenation_part),
    ("uneven_spacing", moved(20, (0, 0, 0.4))),
    ("uneven_spacing", grown),
    ("tilted_stack", moved(20, (0.4, 0, 0))),
    ("tilted_stack", bent),
    ("tilted_stack", plan(shear=(0.0, 1.4))),
    ("short_coverage", plan(spacing=0.5)),
    ("too_thick_slices", plan(spacing=5.0)),
    ("too_thick_slices", every(SliceThickness=5)),
    ("coarse_pixels", every(PixelSpacing=[1.5, 1.5])),
    ("blank_slices", blank),
    ("metal_implant", screw(3071)),
    ("metal_implant", screw(12000)),
    ("duplicate_positions", two_stacks_of_one_instance),
]
ACCEPTED: dict[str, Oddity] = {
    "ordinary": every(),
    "no thickness": every(SliceThickness=None),
    "no rescale type": every(RescaleType=None),
    "description of another body part": every(BodyPartExamined="PELVIS", SeriesDescription="Abdomen"),
    "modality missing": every(Modality=None),
    "modality in lower case": every(Modality="ct"),
    "of a biped": every(AnatomicalOrientationType="BIPED"),
    "image type missing": every(ImageType=None),
    "vendor's image type": every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI", "STD"]),
    "words that are terms only together": every(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "MAX", "CT IP"]),
    "original but secondary": every(ImageType=["ORIGINAL", "SECONDARY", "AXIAL"]),
    "age 18": every(PatientAge="018Y"),
    "age left unset beside a birth date": every(PatientAge="000Y", PatientBirthDate="19550203"),
    "kernel and voltage in one slice only": one(ConvolutionKernel="Br76", KVP="80"),
    "18th birthday": every(PatientAge=None, PatientBirthDate="20080314"),
    "age unknown": every(PatientAge=None),
    "age unreadable": every(PatientAge="adult", PatientBirthDate="1955"),
    "born in the year of the youngest adults": every(PatientAge=None, PatientBirthDate="2008"),
    "birth date after the scan": every(PatientAge=None, PatientBirthDate="20991231"),
    "no frame of reference": every(FrameOfReferenceUID=None),
    "positions rounded to 0.1 mm": plan(spacing=1.27, decimals=1, slices=60),
    "directions rounded to 0.001": plan(
        row=tuple(rotation((10, 20, 30))[:, 0]),
        column=tuple(rotation((10, 20, 30))[:, 1]),
        decimals=3,
        spacing=2.5,
    ),
    "jitter of a table": jittered,
    "directions not quite unit": every(ImageOrientationPatient=[1.0004, 0, 0, 0, 0.9997, 0.0003]),
    "one direction differs by rounding": one(
        ImageOrientationPatient=[0.9999995, 0.001, 0, -0.001, 0.9999995, 0]
    ),
    "tilted gantry": plan(shear=(0.0, 0.6)),
    "spacing of 3 mm, rounded": plan(spacing=3.003),
    "decimal commas": raw("PixelSpacing", b"0,8000\\0,6000 "),
    "long decimal strings": raw("PixelSpacing", b"0.80000000000000004441\\0.59999999999999997780"),
    "decimal string of unknown VR": raw("SliceThickness", b"1.5 ", "UN"),
    "padded decimal strings": raw("RescaleSlope", b" 1.0 \x00"),
    "character set of another continent": every(SpecificCharacterSet=["", "ISO 2022 IR 87"]),
    "unknown character set": every(SpecificCharacterSet="ISO_IR 9999"),
    "private attributes": raw("PatientComments", b"\xff\xfe\x00\x01", "LT"),
    "blank slices at the ends": lambda ds: every(PixelData=bytes(640))(ds[:3]),
    "dense cortex": screw(2300),
    "noise at the end of the scale": noise_above_cortex,
    "enhanced": lambda _: [multi_frame()],
    "legacy converted": lambda _: [multi_frame(legacy=True)],
}


@pytest.mark.parametrize(
    ("code", "oddity"), REFUSALS, ids=[f"{at}-{code}" for at, (code, _) in enumerate(REFUSALS)]
)
def test_refused(code: str, oddity: Oddity, tmp_path: Path) -> None:
    datasets = single_frames()
    with pytest.raises(Refused) as refusal:
        judge(oddity(datasets) or datasets, tmp_path)
    assert refusal.value.code == code
    assert re.search(r"[Zz]ebra|OKAPI|Marmoset|2026|\{|\}|1\.2\.", refusal.value.reason) is None


@pytest.mark.parametrize("oddity", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(oddity: Oddity, tmp_path: Path) -> None:
    datasets = single_frames()
    judge(oddity(datasets) or datasets, tmp_path)


@pytest.mark.parametrize(
    ("limits", "oddity"),
    [
        (GateSettings(allow_lossy=True), every(LossyImageCompression="01")),
        (GateSettings(allow_derived_primary=True), every(ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
        (GateSettings(min_age_years=0), every(PatientAge="012Y")),
        (GateSettings(max_slice_thickness_mm=6), every(SliceThickness=5)),
        (GateSettings(min_slices=10, min_coverage_mm=10), lambda datasets: datasets[:10]),
    ],
)
def test_a_site_may_move_a_limit(limits: GateSettings, oddity: Oddity, tmp_path: Path) -> None:
    datasets = single_frames()
    datasets = oddity(datasets) or datasets
    judge(datasets, tmp_path, limits)
    with pytest.raises(Refused):
        judge(datasets, tmp_path)


@pytest.mark.parametrize(
    ("written", "years"),
    [
        *((b"012Y", 12), (b"030M", 2.5), (b"12", 12), (b"12 years", 12), (b"12YRS ", 12), (b"12 Y", 12)),
        *((b"008J", 8), (b"8Jahre", 8), (b"18 months ", 1.5), (b"000Y", 0)),
        *((b"adult ", None), (b"Y012", None), (b"12?", None), (b"999Y", None), (b"9" * 64, None)),
    ],
)
def test_an_age_is_read_as_it_is_written(written: bytes, years: float | None) -> None:
    (ds,) = single_frames(StackPlan(slices=1))
    raw("PatientAge", written, "AS")([ds])
    assert stated_age(ds) == years


@pytest.mark.parametrize(
    ("written", "years"),
    [
        *((b"20150315", 10), (b"2015.03.15", 10), (b"2015-03-15", 10), (b"20150314", 11)),
        *((b"2015", 11), (b"201503", 11), (b"201504", 10), (b"20150400", 10), (b"20150229", 11)),
        *((b"20150000", 11), (b"20151301", 11), (b"2015-3-4", 11)),
        *((b"15.03.2015", 11), (b"03/15/2015", 11), (b"15MAR2015", 11)),
        *((b"1955", 71), (b"2008", 18), (b"20260401", None), (b"15032015", None), (b"150315", None)),
        *((b"unknown ", None), (b"0000", None), (b"1880", None)),
    ],
)
def test_a_birth_date_gives_the_oldest_age_that_it_allows(written: bytes, years: float | None) -> None:
    (ds,) = single_frames(StackPlan(slices=1))
    raw("PatientBirthDate", written, "DA")([ds])
    assert age_at_scan(ds) == years


@pytest.mark.parametrize(("word", "code"), [("VMI", "material_map"), ("MAX_IP", "projection")])
def test_derived_primary_is_allowed_for_slices_alone(word: str, code: str, tmp_path: Path) -> None:
    datasets = single_frames(ImageType=["DERIVED", "PRIMARY", "AXIAL", word])
    with pytest.raises(Refused, match=code):
        judge(datasets, tmp_path, GateSettings(allow_derived_primary=True))


def test_derived_secondary_is_refused_whatever_the_site_says(tmp_path: Path) -> None:
    datasets = single_frames(ImageType=["DERIVED", "SECONDARY", "AXIAL"])
    with pytest.raises(Refused, match="derived"):
        judge(datasets, tmp_path, GateSettings(allow_derived_primary=True))


def test_too_many_voxels_are_refused_before_decoding(tmp_path: Path) -> None:
    series = read_series(write(single_frames(Rows=20000, Columns=20000), tmp_path))
    with pytest.raises(Refused, match="too_large"):
        accept_headers(series, GateSettings())


@pytest.mark.parametrize(
    "damage", [b"", b"not DICOM at all", b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI\xff\xff"]
)
def test_unreadable_file(damage: bytes, tmp_path: Path) -> None:
    paths = write(single_frames(), tmp_path)
    paths[5].write_bytes(damage)
    with pytest.raises(Refused, match="unreadable: 1 of 40"):
        read_series(paths)


def test_header_cut_short_is_unreadable(tmp_path: Path) -> None:
    paths = write(single_frames(), tmp_path)
    paths[5].write_bytes(paths[5].read_bytes()[:420])
    with pytest.raises(Refused, match="unreadable"):
        read_series(paths)


def test_files_without_preamble_and_meta_information(tmp_path: Path) -> None:
    paths = write(single_frames(), tmp_path)
    for path in paths:
        ds = dcmread(path)
        ds.save_as(path, enforce_file_format=False)
        ds.preamble, ds.file_meta = None, type(ds.file_meta)()
        ds.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert path.read_bytes()[128:132] != b"DICM"
    series = read_series(paths)
    accept_headers(series, GateSettings())
    assert to_volume(series).hu.shape == (40, 16, 20)


def test_deflated_file_is_refused_unread(tmp_path: Path) -> None:
    datasets = single_frames(StackPlan(slices=1))
    datasets[0].file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    with pytest.raises(Refused, match="unsupported_transfer_syntax"):
        read_series(write(datasets, tmp_path))


def test_every_code_has_an_oddity_here_or_among_the_pixels() -> None:
    tried = {code for code, _ in REFUSALS}
    elsewhere = {"unreadable", "too_large", "missing_pixels", "truncated_pixels", "undecodable_pixels"}
    assert tried | elsewhere == set(REASONS)
