"""Every fault that one instance can have by itself is found, at its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ctsma_node.validation import check_files
from tests.unit.validation.planted import (
    PLANES,
    EditBytes,
    EditDataset,
    Written,
    attributes,
    below,
    plant,
    plant_bytes,
    replaced,
)

SHARED, EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
PATIENT_ID = b"\x10\x00\x20\x00LO\x04\x00P-17"
PATIENT_SEX = b"\x10\x00\x40\x00CS\x02\x00M "
BEGIN = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192"

BYTES: list[tuple[str, EditBytes, str, str]] = [
    ("no preamble", lambda content: content[132:], "not_part10", ""),
    ("cut in the pixels", lambda content: content[:-1000], "structure", ""),
    ("cut in a header", lambda content: content[:900], "structure", ""),
    ("an unknown representation", replaced(PATIENT_SEX, b"\x10\x00\x40\x00ZZ\x02\x00M "), "structure", ""),
    ("an odd length", replaced(PATIENT_ID, b"\x10\x00\x20\x00LO\x03\x00P-1"), "odd_length", "PatientID"),
    (
        "tags not in order",
        lambda content: content.replace(PATIENT_SEX, b"").replace(PATIENT_ID, PATIENT_SEX + PATIENT_ID),
        "tag_order",
        "PatientID",
    ),
    ("said twice", replaced(PATIENT_ID, PATIENT_ID * 2), "repeated_attribute", "PatientID"),
    (
        "a command element",
        replaced(BEGIN, b"\x00\x00\x00\x00UL\x04\x00\x00\x00\x00\x00" + BEGIN),
        "forbidden_group",
        "CommandGroupLength",
    ),
    (
        "a private element of nobody",
        replaced(PATIENT_ID, b"\x09\x00\x01\x10LO\x02\x00x " + PATIENT_ID),
        "private_creator",
        "(0009,1001)",
    ),
    ("another SOP class in the meta", replaced(b"1.1.2\0\x02\0", b"1.1.4\0\x02\0"), "meta_differs", "Media"),
    ("padded by null", replaced(PATIENT_ID, PATIENT_ID[:-1] + b"\0"), "padding", "PatientID"),
    ("Latin 1 in UTF-8", replaced("Jörg".encode(), b"J\xf6rg "), "character_set", "PatientName"),
    ("an unknown character set", replaced(b"ISO_IR 192", b"ISO_IR 193"), "character_set", "SpecificCharac"),
]


@pytest.mark.parametrize(("edit", "code", "path"), [row[1:] for row in BYTES], ids=[row[0] for row in BYTES])
def test_a_fault_of_encoding_is_found(
    left: Written, tmp_path: Path, edit: EditBytes, code: str, path: str
) -> None:
    expect(plant_bytes(left.files["volume"][4], edit, tmp_path), code, path)


def swapped_representation(ds: Dataset) -> None:
    del ds.Rows
    ds.add(DataElement("Rows", "SS", 152, already_converted=True))
    ds["Rows"].VR = "SS"


def second_in_study(ds: Dataset) -> None:
    ds.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning = ""


VALUES: list[tuple[str, EditDataset, str, str]] = [
    ("a component with a leading zero", attributes(StudyInstanceUID="1.2.03"), "value_form", "StudyInst"),
    ("a day the year has not", attributes(StudyDate="20260230"), "value_form", "StudyDate"),
    ("an hour the day has not", attributes(StudyTime="250000"), "value_form", "StudyTime"),
    ("a range of days", attributes(StudyDate="20260101-"), "value_form", "StudyDate"),
    ("lower case", attributes(BodyPartExamined="knee"), "value_form", "BodyPartExamined"),
    ("65 characters", attributes(SeriesDescription="x" * 65), "value_form", "SeriesDescription"),
    ("17 characters", attributes(StudyID="1" * 17), "value_form", "StudyID"),
    ("four groups of a name", attributes(PatientName="A=B=C=D"), "value_form", "PatientName"),
    ("an age in letters", attributes(PatientAge="old"), "value_form", "PatientAge"),
    ("a line feed in a line", attributes(SeriesDescription="a\nb"), "control_character", "SeriesDesc"),
    ("two coordinates", attributes(ImagePositionPatient=[1, 2]), "multiplicity", "ImagePosition"),
    ("another representation", swapped_representation, "wrong_vr", "Rows"),
    ("no modality", attributes(Modality=None), "missing_attribute", "Modality"),
    ("another modality", attributes(Modality="MR"), "forbidden_value", "Modality"),
    ("an empty UID", attributes(SeriesInstanceUID=""), "missing_attribute", "SeriesInstanceUID"),
    ("no patient ID", attributes(PatientID=None), "missing_attribute", "PatientID"),
    ("no tube voltage, not even empty", attributes(KVP=None), "missing_attribute", "KVP"),
    ("an unknown sex", attributes(PatientSex="X"), "forbidden_value", "PatientSex"),
    ("an unknown side", attributes(Laterality="B"), "forbidden_value", "Laterality"),
    ("no side", attributes(Laterality=None), "missing_attribute", "Laterality"),
    ("a code without meaning", second_in_study, "code", "ContributingEquipmentSequence[1]."),
    ("a window without width", attributes(WindowWidth=None), "missing_attribute", "WindowWidth"),
    ("lossy, and not how much", attributes(LossyImageCompression="01"), "missing_attribute", "LossyIm"),
    ("no pixels", attributes(PixelData=None), "missing_attribute", "PixelData"),
    ("pixels short of two bytes", attributes(PixelData=bytes(46206)), "pixel_length", "PixelData"),
    ("a high bit that is not", attributes(HighBit=12), "pixel_depth", "HighBit"),
    ("more bits than there is room", attributes(BitsStored=20), "pixel_depth", "BitsStored"),
    ("rows that are not there", attributes(Rows=153), "pixel_length", "PixelData"),
]


@pytest.mark.parametrize(
    ("edit", "code", "path"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES]
)
def test_a_fault_of_a_plane_is_found(
    left: Written, tmp_path: Path, edit: EditDataset, code: str, path: str
) -> None:
    expect(plant(left.files["volume"][4], edit, tmp_path), code, path)


def not_a_number(ds: Dataset) -> None:
    values = np.frombuffer(ds.FloatPixelData, "<f4").copy()
    values[1000] = np.nan
    ds.FloatPixelData = values.tobytes()


def swapped_positions(ds: Dataset) -> None:
    first, second = ds[EACH].value[3:5]
    one, other = first.PlanePositionSequence, second.PlanePositionSequence
    first.PlanePositionSequence, second.PlanePositionSequence = other, one


def also_shared(ds: Dataset) -> None:
    ds[SHARED].value[0].PlanePositionSequence = ds[EACH].value[0].PlanePositionSequence


def counted_from_ten(ds: Dataset) -> None:
    for n, group in enumerate(ds[EACH].value):
        group.FrameContentSequence[0].DimensionIndexValues = [n + 10]


INDEX = (EACH, 7, "FrameContentSequence", 0)
MAP: list[tuple[str, EditDataset, str, str]] = [
    ("no maker", attributes(Manufacturer=""), "missing_attribute", "Manufacturer"),
    ("no space", attributes(FrameOfReferenceUID=None), "missing_attribute", "FrameOfReferenceUID"),
    ("a narrow window", below((SHARED, 0, "FrameVOILUTSequence", 0), VOILUTFunction=None), "missing", SHARED),
    ("no anatomy", below((SHARED, 0), FrameAnatomySequence=None), "missing_attribute", "Laterality"),
    ("no thickness", below((SHARED, 0, "PixelMeasuresSequence", 0), SliceThickness=None), "missing", SHARED),
    ("no quantity", below((SHARED, 0), RealWorldValueMappingSequence=None), "functional_group", EACH),
    ("no unit", below((SHARED, 0, "RealWorldValueMappingSequence", 0), LUTLabel=""), "missing", SHARED),
    ("a group that is shared and not", also_shared, "functional_group", SHARED),
    ("a frame without place", below((EACH, 7), PlanePositionSequence=None), "functional_group", f"{EACH}[8]"),
    ("no series", attributes(ReferencedSeriesSequence=None), "missing_attribute", "ReferencedSeries"),
    ("no number", not_a_number, "not_finite", "FloatPixelData"),
    ("another depth", attributes(BitsAllocated=64), "pixel_depth", "BitsAllocated"),
    ("one frame more", attributes(NumberOfFrames=PLANES + 1), "number_of_frames", EACH),
    ("an index twice", below(INDEX, DimensionIndexValues=[7]), "dimension_index", EACH),
    ("an index too many", below(INDEX, DimensionIndexValues=[8, 1]), "dimension_index", f"{EACH}[8]"),
    ("indices from ten", counted_from_ten, "dimension_index", "DimensionIndexSequence[1]"),
    ("no index", below(INDEX, DimensionIndexValues=None), "missing_attribute", f"{EACH}[8]"),
    ("places that are swapped", swapped_positions, "dimension_index", "DimensionIndexSequence[1]"),
    (
        "an organization that is not there",
        below(("DimensionIndexSequence", 0), DimensionOrganizationUID="1.2"),
        "dimension_index",
        "DimensionIndexSequence[1]",
    ),
    (
        "an instance that is not listed",
        below(
            (EACH, 0, "DerivationImageSequence", 0, "SourceImageSequence", 0), ReferencedSOPInstanceUID="1.2"
        ),
        "not_listed",
        EACH,
    ),
]


@pytest.mark.parametrize(("edit", "code", "path"), [row[1:] for row in MAP], ids=[row[0] for row in MAP])
def test_a_fault_of_a_map_is_found(
    left: Written, tmp_path: Path, edit: EditDataset, code: str, path: str
) -> None:
    expect(plant(left.files["parametric_map"][0], edit, tmp_path), code, path)


SEGMENT = ("SegmentSequence", 2)
SEGMENTATION: list[tuple[str, EditDataset, str, str]] = [
    ("no algorithm", below(SEGMENT, SegmentAlgorithmName=None), "missing_attribute", "SegmentSequence[3]"),
    ("an ID without UID", below(SEGMENT, TrackingUID=None), "missing_attribute", "SegmentSequence[3]"),
    ("no category", below(SEGMENT, SegmentLabel=""), "missing_attribute", "SegmentSequence[3].SegmentLabel"),
    ("a number left out", below(SEGMENT, SegmentNumber=300), "segment_number", "SegmentSequence"),
    ("another type", attributes(SegmentationType="LABELMAP"), "forbidden_value", "SegmentationType"),
    (
        "pixels short of two bytes",
        lambda ds: setattr(ds, "PixelData", ds.PixelData[:-2]),
        "pixel",
        "PixelData",
    ),
]


@pytest.mark.parametrize(
    ("edit", "code", "path"), [row[1:] for row in SEGMENTATION], ids=[row[0] for row in SEGMENTATION]
)
def test_a_fault_of_a_segmentation_is_found(
    left: Written, tmp_path: Path, edit: EditDataset, code: str, path: str
) -> None:
    expect(plant(left.files["segmentation"][0], edit, tmp_path), code, path)


GROUP = ("ContentSequence", -1, "ContentSequence", 0)
NUMBER = (*GROUP, "ContentSequence", 7)
REPORT: list[tuple[str, EditDataset, str, str]] = [
    ("neither complete nor not", attributes(CompletionFlag=None), "missing_attribute", "CompletionFlag"),
    ("verified by nobody", attributes(VerificationFlag="VERIFIED"), "missing_attribute", "VerifyingObs"),
    ("no title", attributes(ConceptNameCodeSequence=[]), "content_item", "ValueType"),
    (
        "a number without unit",
        below((*NUMBER, "MeasuredValueSequence", 0), NumericValue=""),
        "content_",
        "Co",
    ),
    (
        "two values",
        below((*NUMBER, "MeasuredValueSequence", 0), FloatingPointValue=0.5),
        "content_item",
        "ContentSequence",
    ),
    ("no value at all", below(NUMBER, MeasuredValueSequence=None), "content_item", "ContentSequence"),
    ("an unknown relationship", below(NUMBER, RelationshipType="HOLDS"), "content_item", "ContentSequence"),
    ("an unknown kind of item", below(NUMBER, ValueType="NUMBER"), "content_item", "ContentSequence"),
    ("an item without name", below(NUMBER, ConceptNameCodeSequence=None), "content_item", "ContentSequence"),
    ("a text of nothing", below((*GROUP, "ContentSequence", 0), TextValue=""), "content_item", "ContentSeq"),
    (
        "a code of no scheme",
        below((*NUMBER, "ConceptNameCodeSequence", 0), CodingSchemeDesignator=""),
        "code",
        "",
    ),
    ("no evidence", attributes(CurrentRequestedProcedureEvidenceSequence=None), "not_listed", "ContentSeq"),
]


@pytest.mark.parametrize(
    ("edit", "code", "path"), [row[1:] for row in REPORT], ids=[row[0] for row in REPORT]
)
def test_a_fault_of_a_report_is_found(
    left: Written, tmp_path: Path, edit: EditDataset, code: str, path: str
) -> None:
    expect(plant(left.files["viewer_report"][0], edit, tmp_path), code, path)


PICTURE: list[tuple[str, EditDataset, str, str]] = [
    ("made by no known way", attributes(ConversionType=None), "missing_attribute", "ConversionType"),
    ("colours in no order", attributes(PlanarConfiguration=None), "missing_attribute", "PlanarConfig"),
    ("no orientation, not even empty", attributes(PatientOrientation=None), "missing", "PatientOrientation"),
]


@pytest.mark.parametrize(
    ("edit", "code", "path"), [row[1:] for row in PICTURE], ids=[row[0] for row in PICTURE]
)
def test_a_fault_of_a_picture_is_found(
    left: Written, tmp_path: Path, edit: EditDataset, code: str, path: str
) -> None:
    expect(plant(left.files["picture"][0], edit, tmp_path), code, path)


def test_a_basic_text_holds_no_numbers(left: Written, tmp_path: Path) -> None:
    basic = "1.2.840.10008.5.1.4.1.1.88.11"
    expect(plant(left.files["viewer_report"][0], attributes(SOPClassUID=basic), tmp_path), "content_item", "")


def test_big_endian_is_named(left: Written, tmp_path: Path) -> None:
    little, big = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"
    path = plant_bytes(left.files["viewer_report"][0], replaced(little, big), tmp_path)
    (finding,) = check_files([path]).findings
    assert (finding.code, "Big endian" in finding.sentence) == ("structure", True)


def expect(planted: Path, code: str, path: str) -> None:
    """A finding of this code (or one that begins so) at an attribute whose path begins so."""
    findings = check_files([planted]).findings
    told = [(each.code, each.path) for each in findings]
    assert any(each.code.startswith(code) and each.path.startswith(path) for each in findings), told
    for each in findings:
        assert each.clause
        assert not {"Müller", "P-17", "A4711", "19550312"} & set(str(each).split())
