"""The objects, read back by another library from the bytes that are sent."""

from __future__ import annotations

import io

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import UNITS, Bone, Compartment, KneeResult, Parameter, Side
from ctsma_node.report import NodeIdentity, ReportObject, build_set
from ctsma_node.report.parametric_map import values_by_voxel
from tests.unit.report.knee_results import SHAPE, analysis, knee, source_headers

SIDES = [Side.LEFT, Side.RIGHT]


def received(obj: ReportObject) -> io.BytesIO:
    buffer = io.BytesIO()
    dcmwrite(buffer, obj.dataset, enforce_file_format=True)
    return io.BytesIO(buffer.getvalue())


def of_kind(objects: tuple[ReportObject, ...], kind: str, side: Side) -> list[ReportObject]:
    return [o for o in objects if o.kind == kind and o.side == side]


def inner(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The analysed part of a padded array; the border around it is empty."""
    assert array.shape == (90, 152, 152)
    return array[:, 1:-1, 1:-1]


def affine_in_index_order(volume: hd.Volume) -> npt.NDArray[np.float64]:
    """(k, j, i) to LPS of the analysed part."""
    return np.asarray(volume.affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]]))


def assert_in_place(volume: hd.Volume, truth: npt.NDArray[np.generic], result: KneeResult) -> None:
    """Every voxel has its value at its place, whatever order the reader gives the axes."""
    to_kji = result.affine[:, [2, 1, 0, 3]]
    np.testing.assert_allclose(affine_in_index_order(volume), to_kji, atol=1e-4)
    np.testing.assert_array_equal(inner(volume.array), truth)


@pytest.mark.parametrize("side", SIDES)
def test_the_volume_is_what_was_analysed(both_knees: tuple[ReportObject, ...], side: Side) -> None:
    slices = [dcmread(received(o)) for o in of_kind(both_knees, "volume", side)]
    volume = hd.get_volume_from_series(slices)
    truth = np.rint(knee(side).hu)
    ascending = volume if volume.affine[0, 0] < 0 else volume.flip_spatial(0)
    assert_in_place(ascending, truth, knee(side))
    first = slices[0]
    assert list(first.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert (first.RescaleType, first.Laterality, first.BodyPartExamined) == ("HU", side.value, "KNEE")
    assert len(first.SourceImageSequence) == 40
    assert "CTDIvol" not in first
    assert first.KVP is None


@pytest.mark.parametrize("side", SIDES)
def test_the_segments_are_the_subregions(both_knees: tuple[ReportObject, ...], side: Side) -> None:
    seg = hd.seg.segread(received(of_kind(both_knees, "segmentation", side)[0]))
    volume = seg.get_volume(combine_segments=True)
    truth = knee(side).subregion_labels
    occupied = np.flatnonzero(truth.any(axis=(1, 2)))
    first, last = occupied[0], occupied[-1]
    array = volume.array if volume.affine[0, 0] < 0 else volume.array[::-1]
    np.testing.assert_array_equal(array[:, 1:-1, 1:-1], truth[first : last + 1])
    assert not np.array_equal(array[::-1, 1:-1, 1:-1], truth[first : last + 1])
    assert (seg.Rows * seg.Columns) % 8 == 0
    assert seg.number_of_segments == 200
    for dimension in zip(*_indices(seg), strict=True):  # ordinals from 1 (PS3.3 C.7.6.17.1)
        assert set(dimension) == set(range(1, len(set(dimension)) + 1))
    assert seg.are_dimension_indices_unique(seg.get_default_dimension_index_pointers())
    described = seg.get_segment_description(101)
    assert described.segment_label == f"{side.value} Tibia T001"
    assert described.tracking_id == f"{side.value} T001"
    region = seg.SegmentSequence[100].AnatomicRegionSequence[0]
    assert (region.CodeValue, region.AnatomicRegionModifierSequence[0].CodeMeaning) == (
        "12611008",
        "Left" if side is Side.LEFT else "Right",
    )


def _indices(image: Dataset) -> list[list[int]]:
    groups = image.PerFrameFunctionalGroupsSequence
    return [list(group.FrameContentSequence[0].DimensionIndexValues) for group in groups]


def test_segments_have_colours_that_tell_neighbours_apart(both_knees: tuple[ReportObject, ...]) -> None:
    seg = of_kind(both_knees, "segmentation", Side.LEFT)[0].dataset
    colours = [tuple(s.RecommendedDisplayCIELabValue) for s in seg.SegmentSequence]
    assert len(set(colours)) == 200
    assert all(0 <= v <= 0xFFFF for colour in colours for v in colour)
    steps = np.linalg.norm(np.diff(np.array(colours, float), axis=0), axis=1)
    assert steps.min() > 0.2 * 0xFFFF


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("index", "parameter"), list(enumerate(Parameter)))
def test_a_map_holds_the_values(
    both_knees: tuple[ReportObject, ...], side: Side, index: int, parameter: Parameter
) -> None:
    pm = hd.pm.ParametricMap.from_dataset(
        dcmread(received(of_kind(both_knees, "parametric_map", side)[index])), copy=False
    )
    volume = pm.get_volume(apply_real_world_transform=True)
    ascending = volume if volume.affine[0, 0] < 0 else volume.flip_spatial(0)
    truth = values_by_voxel(knee(side), parameter)
    assert_in_place(ascending, truth, knee(side))
    assert pm.ContentCreatorName == ""
    mapping = pm.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == UNITS[parameter]


def test_a_map_is_in_file_order_what_it_is_in_space(both_knees: tuple[ReportObject, ...]) -> None:
    """DCMQI and OHIF put frames in file order on a grid that ascends along n."""
    ds = dcmread(received(of_kind(both_knees, "parametric_map", Side.LEFT)[0]))
    frames = np.frombuffer(ds.FloatPixelData, "<f4").reshape(SHAPE[0], ds.Rows, ds.Columns)
    truth = values_by_voxel(knee(Side.LEFT), Parameter.BVTV)
    np.testing.assert_array_equal(inner(frames), truth)
    assert not np.array_equal(inner(frames[::-1]), truth)
    groups = ds.PerFrameFunctionalGroupsSequence
    positions = np.array([g.PlanePositionSequence[0].ImagePositionPatient for g in groups], float)
    row, column = np.array(
        ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient, float
    ).reshape(2, 3)
    assert np.all(np.diff(positions @ np.cross(row, column)) > 0)
    assert [g.FrameContentSequence[0].DimensionIndexValues for g in groups] == list(range(1, 91))


def measurement_report(obj: ReportObject) -> hd.sr.MeasurementReport:
    """The content of an SR, in which highdicom recognises TID 1500."""
    document = hd.sr.srread(received(obj))
    assert isinstance(document, hd.sr.Comprehensive3DSR)
    assert isinstance(document.content, hd.sr.MeasurementReport)
    return document.content


@pytest.fixture(scope="module")
def right_report(both_knees: tuple[ReportObject, ...]) -> hd.sr.MeasurementReport:
    return measurement_report(of_kind(both_knees, "report", Side.RIGHT)[0])


def test_the_report_says_the_numbers(
    both_knees: tuple[ReportObject, ...], right_report: hd.sr.MeasurementReport
) -> None:
    side = Side.RIGHT
    groups = right_report.get_volumetric_roi_measurement_groups()
    assert len(groups) == 200
    segmentation = of_kind(both_knees, "segmentation", side)[0]
    for group, subregion in zip(groups, knee(side).subregions, strict=True):
        assert group.tracking_identifier == f"{side.value} {subregion.name}"
        values = {m.name.value: m for m in group.get_measurements()}
        for parameter in Parameter:
            measured = values[parameter.name]
            assert measured.value == pytest.approx(subregion.values[parameter].value, rel=1e-8)
            assert measured.unit.value == UNITS[parameter]
            uncertainty = measured[0].ContentSequence[0]
            assert uncertainty.RelationshipType == "HAS PROPERTIES"
            assert uncertainty.value == pytest.approx(subregion.values[parameter].sd, rel=1e-8)
        assert values["118565006"].value == pytest.approx(subregion.volume, rel=1e-8)
        assert values["OALO"].value == pytest.approx(subregion.contribution, rel=1e-8)
        assert values["OALO"].unit.value == "{log_odds}"
        reference = group.referenced_segment
        assert reference is not None
        assert reference.referenced_sop_instance_uid == segmentation.sop_instance_uid
        number = int(reference[0].ReferencedSOPSequence[0].ReferencedSegmentNumber)
        label = segmentation.dataset.SegmentSequence[number - 1].SegmentLabel
        assert label.endswith(subregion.name)
        laterality = group.finding_sites[0].laterality
        assert laterality is not None
        assert laterality.meaning == ("Left" if side is Side.LEFT else "Right")


def test_the_report_says_class_probabilities_and_scores(right_report: hd.sr.MeasurementReport) -> None:
    whole, *bones = right_report.get_image_measurement_groups()
    values = {m.name.value: m.value for m in whole.get_measurements()}
    assert values["OAPROB"] == 0.88
    assert [values[f"PKL-{c}"] for c in ("NORMAL", "MILD", "ADV")] == [0.12, 0.61, 0.27]
    assert [values[f"MOAKS-{r}"] for r in ("MF", "LF", "MT", "LT", "TR")] == [0.25, 0.75, 1.25, 1.75, 2.25]
    evaluations = {e.name.value: e for e in whole.get_qualitative_evaluations()}
    grade = evaluations["KLCLASS"].value
    assert isinstance(grade, hd.sr.CodedConcept)
    assert grade.value == "KL-MILD"
    for group, bone in zip(bones, Bone, strict=True):
        summary = next(b for b in knee(Side.RIGHT).bones if b.bone is bone)
        derived = {
            (m.name.value, m.derivation.meaning if m.derivation else ""): m for m in group.get_measurements()
        }
        for parameter in Parameter:
            assert derived[parameter.name, "Mean"].value == pytest.approx(summary.mean[parameter], rel=1e-8)
            sd = derived[parameter.name, "Standard Deviation"]
            assert sd.value == pytest.approx(summary.sd[parameter], rel=1e-8)


def test_the_report_says_where_the_probability_comes_from(
    both_knees: tuple[ReportObject, ...], right_report: hd.sr.MeasurementReport
) -> None:
    explanation = knee(Side.RIGHT).explanation
    whole = right_report.get_image_measurement_groups()[0]
    values = {m.name.value: m for m in whole.get_measurements()}
    assert values["OAPROB-REF"].value == explanation.reference_probability
    added = [values[f"OALO-{half}"] for half in ("MF", "LF", "MT", "LT")]
    assert [m.value for m in added] == pytest.approx([explanation.of(c) for c in Compartment])
    assert [m.finding_sites[0].value.meaning for m in added] == ["Femur", "Femur", "Tibia", "Tibia"]
    said = comments(of_kind(both_knees, "report", Side.RIGHT)[0])
    reasons = [text for text in said if text.startswith("Raises the probability")]
    assert len(reasons) == 3
    assert "less bone in the medial femur (BV/TV 90 % of the reference" in reasons[0]
    assert "+0.40 log-odds" in reasons[0]
    assert any("would be 0.31 in a made-up knee" in text for text in said)


def test_the_viewer_report_stays_short(both_knees: tuple[ReportObject, ...]) -> None:
    """OHIF writes every number of a group on the picture."""
    obj = of_kind(both_knees, "viewer_report", Side.RIGHT)[0]
    assert not any("reference" in text for text in comments(obj))
    codes = [str(e.value) for e in dcmread(received(obj)).iterall() if e.keyword == "CodeValue"]
    assert "OAPROB" in codes
    assert not any(code.startswith(("OALO", "OAPROB-REF")) for code in codes)


def comments(obj: ReportObject) -> list[str]:
    """Every text of an SR."""
    return [str(e.value) for e in dcmread(received(obj)).iterall() if e.keyword == "TextValue"]


def test_a_report_is_unverified_and_says_what_it_is_not_for(both_knees: tuple[ReportObject, ...]) -> None:
    for kind in ("report", "viewer_report"):
        ds = dcmread(received(of_kind(both_knees, kind, Side.LEFT)[0]))
        assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
        texts = comments(of_kind(both_knees, kind, Side.LEFT)[0])
        assert any(t.startswith("RESEARCH USE ONLY") for t in texts)
        assert any("synthetic knees" in t for t in texts)


def test_the_evidence_holds_whatever_a_report_refers_to(both_knees: tuple[ReportObject, ...]) -> None:
    ds = dcmread(received(of_kind(both_knees, "report", Side.RIGHT)[0]))
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    evidence = {
        s.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for s in series.ReferencedSOPSequence
    }
    content = {str(e.value) for item in ds.ContentSequence for e in item.iterall() if e.tag == 0x00081155}
    assert content
    assert content <= evidence
    assert len(evidence) == 90 + 1 + 40


def test_a_report_speaks_german_and_keeps_its_codes(
    node: NodeIdentity, both_knees: tuple[ReportObject, ...]
) -> None:
    kinds = frozenset({"viewer_report"})
    *_, german = build_set(analysis(Side.LEFT), source_headers(4), node=node, objects=kinds, language="de")
    ds = dcmread(received(german))
    language = ds.ContentSequence[0]
    assert language.ConceptNameCodeSequence[0].CodeValue == "121049"
    assert language.ConceptCodeSequence[0].CodeValue == "de"
    said = comments(german)
    assert any(text.startswith("NUR FÜR DIE FORSCHUNG") for text in said)
    assert not any("RESEARCH" in text for text in said)
    names = {str(e.value) for e in ds.iterall() if e.keyword == "CodeMeaning"}
    assert "Probability of knee osteoarthritis" in names
    assert german.sop_instance_uid not in {o.sop_instance_uid for o in both_knees}


def test_every_group_of_the_viewer_report_has_a_point_on_its_slice(
    both_knees: tuple[ReportObject, ...],
) -> None:
    content = measurement_report(of_kind(both_knees, "viewer_report", Side.LEFT)[0])
    groups = content.get_planar_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["L knee", "L femur", "L tibia"]
    labels = knee(Side.LEFT).bone_labels
    slices = {o.sop_instance_uid: n for n, o in enumerate(of_kind(both_knees, "volume", Side.LEFT))}
    for label, group in enumerate(groups[1:], start=1):
        assert group.roi is not None
        column, row = group.roi.value[0]
        frame = slices[group.roi.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID]
        assert labels[frame, int(row) - 1, int(column) - 1] == label


def test_a_tilted_grid_keeps_its_place(node: NodeIdentity) -> None:
    result = analysis(Side.LEFT, tilt_deg=11.0)
    objects = build_set(result, source_headers(4), node=node, objects=frozenset({"parametric_map"}))
    volume = hd.pm.ParametricMap.from_dataset(dcmread(received(objects[-1])), copy=False).get_volume()
    ascending = volume if volume.affine[0, 0] < 0 else volume.flip_spatial(0)
    truth = values_by_voxel(result.knees[0], Parameter.TBN)
    assert_in_place(ascending, truth, result.knees[0])


def test_the_picture_is_rgb_and_does_not_name_the_patient(both_knees: tuple[ReportObject, ...]) -> None:
    ds: Dataset = dcmread(received(of_kind(both_knees, "picture", Side.RIGHT)[0]))
    assert ds.pixel_array.shape == (ds.Rows, ds.Columns, 3)
    assert ds.PhotometricInterpretation == "RGB"
    assert ds.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("side", SIDES)
def test_the_label_map_holds_the_same_segments(both_knees: tuple[ReportObject, ...], side: Side) -> None:
    binary = of_kind(both_knees, "segmentation", side)[0].dataset
    ds = dcmread(received(of_kind(both_knees, "labelmap", side)[0]))
    assert (ds.SOPClassUID, ds.SegmentationType) == ("1.2.840.10008.5.1.4.1.1.66.7", "LABELMAP")
    assert [s.SegmentNumber for s in ds.SegmentSequence] == list(range(1, 201))  # no item for the background
    assert (ds["PixelPaddingValue"].VR, ds.PixelPaddingValue) == ("US", 0)
    for mine, other in zip(ds.SegmentSequence, binary.SegmentSequence, strict=True):
        assert mine.SegmentLabel == other.SegmentLabel
        assert mine.RecommendedDisplayCIELabValue == other.RecommendedDisplayCIELabValue
        assert mine.TrackingUID == other.TrackingUID
    np.testing.assert_array_equal(inner(ds.pixel_array), knee(side).subregion_labels)
    seg = hd.seg.segread(received(of_kind(both_knees, "labelmap", side)[0]))
    volume = seg.get_volume(combine_segments=True)
    ascending = volume if volume.affine[0, 0] < 0 else volume.flip_spatial(0)
    assert_in_place(ascending, knee(side).subregion_labels, knee(side))
