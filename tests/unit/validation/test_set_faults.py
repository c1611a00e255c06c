"""Objects that are valid each for itself and do not belong together, or do not say what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.validation import check_set
from tests.unit.validation.planted import (
    PLANES,
    EditDataset,
    Written,
    at,
    attributes,
    below,
    few_subregions,
    plant,
)

SHARED, EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
EVIDENCE = ("CurrentRequestedProcedureEvidenceSequence", 0, "ReferencedSeriesSequence")
GROUPS = ("ContentSequence", -1, "ContentSequence")
OTHER = "1.2.826.0.1.3680043.8.498.99"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"

Row = tuple[str, str, EditDataset, str]


def named(rows: Sequence[Row]) -> list[str]:
    return [row[0] for row in rows]


def whole(left: Written, kind: str, edit: EditDataset, folder: Path, index: int = 0) -> list[Path]:
    """The volume and one object of this kind, a fault planted in it."""
    planted = left.files[kind][index]
    kinds = {"volume", kind} | ({"segmentation"} if kind == "report" else set())
    copy = plant(planted, edit, folder)
    return [copy if path == planted else path for path in left.paths(*kinds)]


def found(paths: Sequence[Path], left: Written) -> list[tuple[str, str]]:
    findings = check_set(paths, few_subregions(), left.headers)
    return [(each.code, each.path) for each in findings]


def moved_by_a_plane(ds: Dataset) -> None:
    """Every frame names the plane of the next one as its own."""
    groups = ds[EACH].value
    items = [group.PlanePositionSequence for group in groups]
    for group, item in zip(groups, [*items[1:], items[0]], strict=True):
        group.PlanePositionSequence = item


def half_a_millimetre(ds: Dataset) -> None:
    for group in ds[EACH].value:
        position = group.PlanePositionSequence[0]
        x, y, z = position.ImagePositionPatient
        position.ImagePositionPatient = [x + 0.5, y, z]


def other_instance(path: Sequence[str | int], uid: str = OTHER) -> EditDataset:
    return below(path, ReferencedSOPInstanceUID=uid)


TOGETHER: list[Row] = [
    ("another study", "picture", attributes(StudyInstanceUID=OTHER), "patient_or_study"),
    ("another patient", "picture", attributes(PatientID="P-18"), "patient_or_study"),
    ("another name", "picture", attributes(PatientName="Müller^Jürg"), "patient_or_study"),
    ("an accession number that is lost", "picture", attributes(AccessionNumber=""), "patient_or_study"),
    ("a birth date that is lost", "picture", attributes(PatientBirthDate=""), "patient_or_study"),
    ("another space", "parametric_map", attributes(FrameOfReferenceUID=OTHER), "grid_differs"),
    (
        "another spacing",
        "parametric_map",
        below((SHARED, 0, "PixelMeasuresSequence", 0), PixelSpacing=["0.98", "0.98"]),
        "grid_differs",
    ),
    (
        "another distance of planes",
        "parametric_map",
        below((SHARED, 0, "PixelMeasuresSequence", 0), SpacingBetweenSlices="2"),
        "grid_differs",
    ),
    (
        "another orientation",
        "parametric_map",
        below(
            (SHARED, 0, "PlaneOrientationSequence", 0), ImageOrientationPatient=["0", "1", "0", "0", "0", "1"]
        ),
        "grid_differs",
    ),
    ("frames on other planes", "parametric_map", moved_by_a_plane, "frame_position"),
    ("frames between planes", "parametric_map", half_a_millimetre, "frame_position"),
    (
        "a series that is not there",
        "parametric_map",
        below(("ReferencedSeriesSequence", 0), SeriesInstanceUID=OTHER),
        "wrong_reference",
    ),
    (
        "an instance that is not there",
        "parametric_map",
        other_instance(("ReferencedSeriesSequence", 0, "ReferencedInstanceSequence", 5)),
        "dangling_reference",
    ),
    (
        "another SOP class",
        "parametric_map",
        below(
            ("ReferencedSeriesSequence", 0, "ReferencedInstanceSequence", 5),
            ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.4",
        ),
        "wrong_reference",
    ),
    (
        "evidence of another study",
        "viewer_report",
        below(EVIDENCE[:2], StudyInstanceUID=OTHER),
        "wrong_reference",
    ),
    (
        "evidence that is not there",
        "viewer_report",
        other_instance((*EVIDENCE, 0, "ReferencedSOPSequence", 0)),
        "dangling_reference",
    ),
    (
        "evidence that is left out",
        "viewer_report",
        below(EVIDENCE[:2], ReferencedSeriesSequence=[]),
        "not_listed",
    ),
    (
        "a frame of no image",
        "parametric_map",
        below((EACH, 3, "DerivationImageSequence", 0), SourceImageSequence=[]),
        "no_source_image",
    ),
    ("no research", "picture", attributes(ContentQualification="PRODUCT"), "not_research"),
    (
        "a scheme of nobody",
        "viewer_report",
        attributes(CodingSchemeIdentificationSequence=None),
        "private_scheme",
    ),
]


@pytest.mark.parametrize(("kind", "edit", "code"), [row[1:] for row in TOGETHER], ids=named(TOGETHER))
def test_what_does_not_belong_together_is_found(
    left: Written, tmp_path: Path, kind: str, edit: EditDataset, code: str
) -> None:
    paths = whole(left, kind, edit, tmp_path)
    assert code in {each for each, _ in found(paths, left)}


def half_a_plane(ds: Dataset) -> None:
    x, y, z = ds.ImagePositionPatient
    ds.ImagePositionPatient = [x + 0.5, y, z]


def one_pixel(ds: Dataset) -> None:
    pixels = np.frombuffer(ds.PixelData, "<i2").copy()
    pixels[152 * 76 + 76] += 1
    ds.PixelData = pixels.tobytes()


VOLUME: list[Row] = [
    ("a number that another has", "", attributes(InstanceNumber=7), "repeated_number"),
    ("another series number", "", attributes(SeriesNumber=1), "series_differs"),
    ("another side", "", attributes(Laterality="R"), "series_differs"),
    ("a plane that is moved", "", half_a_plane, "volume_positions"),
    ("a plane that is turned", "", attributes(ImageOrientationPatient=[0, 1, 0, 0, 0, 1]), "volume_differs"),
    ("a plane of other pixels", "", attributes(PixelSpacing=[0.9, 0.9]), "volume_differs"),
    ("a source that is not there", "", other_instance(("SourceImageSequence", 3)), "dangling_reference"),
    ("a value that was not analysed", "", one_pixel, "voxels_differ"),
    ("another intercept", "", attributes(RescaleIntercept="1"), "voxels_differ"),
]


@pytest.mark.parametrize(("_kind", "edit", "code"), [row[1:] for row in VOLUME], ids=named(VOLUME))
def test_a_plane_that_does_not_fit_is_found(
    left: Written, tmp_path: Path, _kind: str, edit: EditDataset, code: str
) -> None:
    paths = whole(left, "volume", edit, tmp_path, index=10)
    assert code in {each for each, _ in found(paths, left)}


def test_a_plane_that_is_sent_twice_is_found(left: Written) -> None:
    planes = left.files["volume"]
    assert "repeated_uid" in {each for each, _ in found([*planes[:5], planes[4], *planes[6:]], left)}


def test_a_plane_that_is_lost_is_found(left: Written) -> None:
    paths = [path for path in left.paths("volume", "parametric_map") if path != left.files["volume"][10]]
    assert {"volume_positions", "dangling_reference", "frame_position"} <= {
        each for each, _ in found(paths, left)
    }


def test_what_is_sent_before_what_it_refers_to_is_found(left: Written) -> None:
    paths = [*left.files["viewer_report"], *left.files["volume"]]
    assert {"dangling_reference"} == {each for each, _ in found(paths, left)}
    assert found([*left.files["volume"], *left.files["viewer_report"]], left) == []


def test_no_headers_of_the_series_that_was_analysed(left: Written) -> None:
    findings = check_set(left.files["volume"], few_subregions(), left.headers[:-1])
    assert {each.code for each in findings} == {"dangling_reference"}


# What is measured, and what the objects say.


def number(group: int, item: int, *, of: str = "NumericValue", value: str) -> EditDataset:
    measured = (*GROUPS, group, "ContentSequence", item, "MeasuredValueSequence", 0)
    return below(measured, **{of: value})


def one_per_cent(ds: Dataset) -> None:
    measured = ds.ContentSequence[-1].ContentSequence[5].ContentSequence[7].MeasuredValueSequence[0]
    measured.NumericValue = f"{float(measured.NumericValue) * 1.01:.9g}"


def uncertainty(ds: Dataset) -> None:
    item = ds.ContentSequence[-1].ContentSequence[5].ContentSequence[7].ContentSequence[0]
    item.MeasuredValueSequence[0].NumericValue = "0.5"


def dropped(*path: str | int) -> EditDataset:
    return lambda ds: at(ds, path[:-1]).__delitem__(path[-1])


def repeated_group(ds: Dataset) -> None:
    ds.ContentSequence[-1].ContentSequence[5].ContentSequence[0].TextValue = "L X001"


UNITS = ("MeasurementUnitsCodeSequence", 0)
REPORTED: list[Row] = [
    ("one per cent more", "report", one_per_cent, "value_differs"),
    ("another uncertainty", "report", uncertainty, "value_differs"),
    (
        "another unit",
        "report",
        below((*GROUPS, 5, "ContentSequence", 7, "MeasuredValueSequence", 0, *UNITS), CodeValue="mm"),
        "value_differs",
    ),
    (
        "another segment",
        "report",
        below((*GROUPS, 5, "ContentSequence", -2, "ReferencedSOPSequence", 0), ReferencedSegmentNumber=5),
        "value_differs",
    ),
    (
        "a segment that is not there",
        "report",
        below((*GROUPS, 5, "ContentSequence", -2, "ReferencedSOPSequence", 0), ReferencedSegmentNumber=9),
        "dangling_reference",
    ),
    (
        "a series that is not there",
        "report",
        below((*GROUPS, 5, "ContentSequence", -1), UID=OTHER),
        "dangling_reference",
    ),
    (
        "a label map as a segmentation",
        "report",
        below(
            (*GROUPS, 5, "ContentSequence", -2, "ReferencedSOPSequence", 0), ReferencedSOPClassUID=LABEL_MAP
        ),
        "label_map_reference",
    ),
    ("a group that is lost", "report", dropped(*GROUPS, 5), "missing_measurement"),
    ("a number that is lost", "report", dropped(*GROUPS, 5, "ContentSequence", 9), "missing_measurement"),
    ("a group of nothing", "report", repeated_group, "unexplained_measurement"),
    ("another probability", "viewer_report", number(0, 7, value="0.87"), "value_differs"),
    (
        "another class",
        "viewer_report",
        below((*GROUPS, 0, "ContentSequence", -6, "ConceptCodeSequence", 0), CodeValue="KL-ADV"),
        "value_differs",
    ),
    (
        "a mean that is lost",
        "viewer_report",
        dropped(*GROUPS, 1, "ContentSequence", 7),
        "missing_measurement",
    ),
    ("a mark that is lost", "viewer_report", dropped(*GROUPS, 0, "ContentSequence", -1), "missing_mark"),
    (
        "the other side",
        "viewer_report",
        below(
            (*GROUPS, 0, "ContentSequence", 4, "ContentSequence", 0, "ConceptCodeSequence", 0),
            CodeValue="24028007",
        ),
        "side",
    ),
]


@pytest.mark.parametrize(("kind", "edit", "code"), [row[1:] for row in REPORTED], ids=named(REPORTED))
def test_a_report_that_says_something_else_is_found(
    left: Written, tmp_path: Path, kind: str, edit: EditDataset, code: str
) -> None:
    paths = whole(left, kind, edit, tmp_path)
    assert code in {each for each, _ in found(paths, left)}


def frames_of(ds: Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.frombuffer(ds.FloatPixelData, "<f4").reshape(PLANES, 152, 152)


def mirrored(axis: int) -> EditDataset:
    return lambda ds: setattr(ds, "FloatPixelData", np.flip(frames_of(ds), axis).tobytes())


def descending(ds: Dataset) -> None:
    """As highdicom writes it: true, and shown upside down."""
    ds.FloatPixelData = frames_of(ds)[::-1].tobytes()
    ds[EACH].value = list(ds[EACH].value)[::-1]


def one_per_cent_more(ds: Dataset) -> None:
    ds.FloatPixelData = (frames_of(ds) * np.float32(1.01)).tobytes()


def something_in_the_border(ds: Dataset) -> None:
    values = frames_of(ds).copy()
    values[3, 0, 0] = 0.1
    ds.FloatPixelData = values.tobytes()


QUANTITY = (SHARED, 0, "RealWorldValueMappingSequence", 0)
IMAGES: list[Row] = [
    ("a map upside down", "parametric_map", mirrored(0), "voxels_differ"),
    ("a map turned over in its planes", "parametric_map", mirrored(1), "voxels_differ"),
    ("a map from back to front", "parametric_map", mirrored(2), "voxels_differ"),
    ("frames that descend", "parametric_map", descending, "frame_order"),
    ("values of one per cent more", "parametric_map", one_per_cent_more, "voxels_differ"),
    ("a value outside", "parametric_map", something_in_the_border, "voxels_differ"),
    ("another slope", "parametric_map", below(QUANTITY, RealWorldValueSlope=2.0), "value_differs"),
    (
        "another quantity",
        "parametric_map",
        below((*QUANTITY, "QuantityDefinitionSequence", 0, "ConceptCodeSequence", 0), CodeValue="TBTH"),
        "value_differs",
    ),
    (
        "another side",
        "parametric_map",
        below((SHARED, 0, "FrameAnatomySequence", 0), FrameLaterality="R"),
        "side",
    ),
    (
        "a picture of nothing",
        "picture",
        lambda ds: setattr(ds, "PixelData", bytes(len(ds.PixelData))),
        "empty",
    ),
]


@pytest.mark.parametrize(("kind", "edit", "code"), [row[1:] for row in IMAGES], ids=named(IMAGES))
def test_an_image_that_shows_something_else_is_found(
    left: Written, tmp_path: Path, kind: str, edit: EditDataset, code: str
) -> None:
    paths = whole(left, kind, edit, tmp_path)
    assert any(each.startswith(code) for each, _ in found(paths, left))


def one_voxel(ds: Dataset) -> None:
    pixels = bytearray(ds.PixelData)
    pixels[2000] ^= 8
    ds.PixelData = bytes(pixels)


def swapped_labels(ds: Dataset) -> None:
    one, other = ds.SegmentSequence[3:5]
    one.SegmentLabel, other.SegmentLabel = other.SegmentLabel, one.SegmentLabel


def no_frame_of_the_last(ds: Dataset) -> None:
    for group in ds[EACH].value:
        item = group.SegmentIdentificationSequence[0]
        if item.ReferencedSegmentNumber == 8:
            item.ReferencedSegmentNumber = 7


SEGMENTS: list[Row] = [
    ("a voxel that is another's", "segmentation", one_voxel, "voxels_differ"),
    ("labels that are swapped", "segmentation", swapped_labels, "value_differs"),
    ("a segment without frame", "segmentation", no_frame_of_the_last, "unused_segment"),
    ("rows that fill no bytes", "segmentation", attributes(Rows=150, Columns=150), "packed_frames"),
]


@pytest.mark.parametrize(("kind", "edit", "code"), [row[1:] for row in SEGMENTS], ids=named(SEGMENTS))
def test_a_segmentation_of_something_else_is_found(
    left: Written, tmp_path: Path, kind: str, edit: EditDataset, code: str
) -> None:
    paths = whole(left, kind, edit, tmp_path)
    assert code in {each for each, _ in found(paths, left)}


def relabelled() -> AnalysisResult:
    """The result, had one voxel been another subregion's."""
    (knee,) = few_subregions().knees
    labels = knee.subregion_labels.copy()
    labels[tuple(np.argwhere(labels)[50])] = 0
    return replace(few_subregions(), knees=(replace(knee, subregion_labels=labels),))


@pytest.mark.parametrize("kind", ["segmentation", "labelmap"])
def test_voxels_that_the_result_has_not_are_found(left: Written, kind: str) -> None:
    findings = check_set(left.paths("volume", kind), relabelled(), left.headers)
    assert [(each.instance, each.code) for each in findings] == [(left.files[kind][0].name, "voxels_differ")]


def test_a_gap_in_the_numbers_of_a_label_map_is_found(left: Written, tmp_path: Path) -> None:
    paths = whole(left, "labelmap", below(("SegmentSequence", -1), SegmentNumber=77), tmp_path)
    assert "segment_number" in {code for code, _ in found(paths, left)}


def test_key_objects_of_what_is_not_sent_are_found(left: Written) -> None:
    kept = [path for path in left.paths() if path not in left.files["picture"]]
    findings = check_set(kept, few_subregions(), left.headers)
    assert {(each.instance, each.code) for each in findings} == {
        (left.files["key_objects"][0].name, "dangling_reference")
    }


def test_a_text_that_is_lost_is_found(left: Written, tmp_path: Path) -> None:
    planted = left.files["text_report"][0]
    text = next(
        number for number, item in enumerate(dcmread(planted).ContentSequence) if item.ValueType == "TEXT"
    )
    copy = plant(planted, below(("ContentSequence", text), TextValue=""), tmp_path)
    paths = [copy if path == planted else path for path in left.paths("volume", "text_report")]
    assert ("content_item", f"ContentSequence[{text + 1}].TextValue") in found(paths, left)
