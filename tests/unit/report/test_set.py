from __future__ import annotations

import io
import itertools
import re
import warnings
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ctsma_node.analysis.result import KneeNotAnalysed, Side
from ctsma_node.report import (
    ALL_OBJECTS,
    DEFAULT_OBJECTS,
    NodeIdentity,
    ReportObject,
    build_note,
    build_set,
    write_object,
)
from ctsma_node.report.set import with_references
from tests.unit.report.conftest import encode
from tests.unit.report.knee_results import STUDY, analysis, source_headers

SMALL = frozenset({"viewer_report", "picture"})


def test_each_knee_has_its_whole_set_in_order(both_knees: tuple[ReportObject, ...]) -> None:
    one_knee = ["volume"] * 90 + ["segmentation", "labelmap"] + ["parametric_map"] * 4
    one_knee += ["report", "viewer_report", "text_report", "picture", "key_objects"]
    assert [o.kind for o in both_knees] == one_knee * 2
    assert [o.side for o in both_knees] == [Side.LEFT] * len(one_knee) + [Side.RIGHT] * len(one_knee)


def test_nothing_refers_to_a_later_object(
    both_knees: tuple[ReportObject, ...], encoded_objects: tuple[bytes, ...]
) -> None:
    later = {o.sop_instance_uid.encode() for o in both_knees}
    for obj, content in zip(both_knees, encoded_objects, strict=True):
        later.discard(obj.sop_instance_uid.encode())
        assert not later.intersection(re.findall(rb"2\.25\.\d+", content))


def test_series_and_instances_are_distinct(both_knees: tuple[ReportObject, ...]) -> None:
    assert len({o.sop_instance_uid for o in both_knees}) == len(both_knees)
    series = {(o.series_uid, int(o.dataset.SeriesNumber)) for o in both_knees}
    assert len(series) == len({uid for uid, _ in series}) == len({number for _, number in series}) == 24
    assert Counter(Counter(o.series_uid for o in both_knees).values()) == {90: 2, 1: 22}
    assert len({str(o.file_name) for o in both_knees}) == len(both_knees)


def test_every_object_belongs_to_the_patient_and_study_and_says_research(
    both_knees: tuple[ReportObject, ...], headers: tuple[Dataset, ...]
) -> None:
    for obj in both_knees:
        ds, source = obj.dataset, headers[0]
        for keyword in (
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "AccessionNumber",
            "StudyDescription",
        ):
            assert ds[keyword].value == source[keyword].value
        assert ds.StudyInstanceUID == STUDY
        assert ds.ContentQualification == "RESEARCH"
        assert ds.SeriesDescription.startswith(f"RESEARCH {obj.side} knee")
        assert len(ds.SeriesDescription) <= 64
        assert [e.ManufacturerModelName for e in ds.ContributingEquipmentSequence] == ["Scan 9", "ctsma-node"]
        assert obj.sop_instance_uid == ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID


def test_a_repeated_build_gives_the_same_bytes(
    encoded_objects: tuple[bytes, ...], node: NodeIdentity, headers: tuple[Dataset, ...]
) -> None:
    again = build_set(analysis(Side.LEFT, Side.RIGHT), headers, node=node, objects=ALL_OBJECTS)
    assert [sha256(encode(o)).hexdigest() for o in again] == [sha256(e).hexdigest() for e in encoded_objects]


def test_the_order_of_the_headers_decides_no_uid(node: NodeIdentity, headers: tuple[Dataset, ...]) -> None:
    forth, back = (
        build_set(analysis(Side.LEFT), order, node=node, objects=frozenset({"picture"}))
        for order in (headers, tuple(reversed(headers)))
    )
    assert forth[0].sop_instance_uid == back[0].sop_instance_uid


def test_files_are_part_10_in_explicit_little_endian_and_never_overwritten(
    both_knees: tuple[ReportObject, ...], tmp_path: Path
) -> None:
    obj = next(o for o in both_knees if o.kind == "picture")
    path = tmp_path / obj.file_name
    write_object(obj, path)
    assert path.read_bytes() == encode(obj)
    assert dcmread(path).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    with pytest.raises(FileExistsError):
        write_object(obj, path)


def test_objects_hold_valid_values_only(
    both_knees: tuple[ReportObject, ...], encoded_objects: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value is decoded and checked against its representation."""
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.RAISE)
    one_of_each = {o.kind: content for o, content in zip(both_knees, encoded_objects, strict=True)}
    for content in one_of_each.values():
        for _ in dcmread(io.BytesIO(content)).iterall():
            pass


def test_building_warns_of_nothing(node: NodeIdentity, headers: tuple[Dataset, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_set(analysis(Side.LEFT), headers, node=node, objects=ALL_OBJECTS)
        build_note("knee_cut_off", "no joint", headers, node=node, bundle_digest="ab" * 32)


def test_no_warning_quotes_the_patient(node: NodeIdentity) -> None:
    """Libraries warn of names of one part and of identifiers that are too long, and quote them."""
    values: dict[str, Any] = {"PatientName": "Tarou", "PatientID": "P" * 70, "PatientBirthDate": "1955"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        headers = source_headers(2, **values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        objects = build_set(analysis(Side.LEFT), headers, node=node)
        encode(objects[-1])
    named = {(str(o.dataset.PatientName), o.dataset.PatientID, o.dataset.PatientBirthDate) for o in objects}
    assert named == {("Tarou", "P" * 70, "")}


def test_what_objects_refer_to_is_made_too() -> None:
    assert with_references(frozenset({"report"})) == {"report", "segmentation", "volume"}
    assert with_references(frozenset({"picture"})) == {"picture"}
    assert with_references(frozenset({"labelmap"})) == {"labelmap", "volume"}
    assert with_references(frozenset({"key_objects"})) == {"key_objects"}
    assert with_references(DEFAULT_OBJECTS) == DEFAULT_OBJECTS
    with pytest.raises(ValueError, match="seg"):
        with_references(frozenset({"seg"}))


def test_a_revision_is_another_set_that_names_its_predecessor(
    node: NodeIdentity, headers: tuple[Dataset, ...]
) -> None:
    first = build_set(analysis(Side.LEFT, Side.RIGHT), headers, node=node, objects=SMALL)
    second = build_set(
        analysis(Side.LEFT, Side.RIGHT),
        source_headers(41),
        node=node,
        revision=2,
        predecessor=[o.reference for o in first],
        objects=SMALL,
    )
    assert not {o.sop_instance_uid for o in first} & {o.sop_instance_uid for o in second}
    for before, after in zip(first, second, strict=True):
        words = before.dataset.SeriesDescription
        assert after.dataset.SeriesDescription == f"{words} rev. 2"
    for before, after in zip(first[90:92], second[90:92], strict=True):
        named = "PredecessorDocumentsSequence" in after.dataset
        assert named == (after.kind == "viewer_report")
        if named:
            series = after.dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
            assert series.SeriesInstanceUID == before.series_uid
            assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == before.sop_instance_uid


def test_a_multi_frame_source_is_referred_to_once(node: NodeIdentity) -> None:
    headers = source_headers(125, multi_frame=True)
    objects = build_set(analysis(Side.LEFT), headers, node=node, objects=SMALL)
    sources = objects[0].dataset.SourceImageSequence
    assert [s.ReferencedSOPInstanceUID for s in sources] == [headers[0].SOPInstanceUID]


def test_the_knee_that_was_not_analysed_is_named(node: NodeIdentity, headers: tuple[Dataset, ...]) -> None:
    other = KneeNotAnalysed(Side.RIGHT, "metal_implant", "an implant fills the joint")
    result = analysis(Side.LEFT, not_analysed=(other,))
    sr = next(o for o in build_set(result, headers, node=node, objects=SMALL) if o.kind == "viewer_report")
    texts = {str(e.value) for e in sr.dataset.iterall() if e.keyword == "TextValue"}
    assert "Right knee not analysed: an implant fills the joint" in texts


def test_what_the_source_lost_is_lost(node: NodeIdentity) -> None:
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"}
    headers = source_headers(2)
    for ds, (keyword, value) in itertools.product(headers, lossy.items()):
        setattr(ds, keyword, value)
    picture = build_set(analysis(Side.LEFT), headers, node=node, objects=frozenset({"picture"}))[0].dataset
    assert (picture.LossyImageCompression, picture.LossyImageCompressionRatio) == ("01", 10)


def test_the_label_map_is_made_for_who_asks(node: NodeIdentity) -> None:
    headers = source_headers(2)
    assert "labelmap" not in DEFAULT_OBJECTS
    made = build_set(analysis(Side.LEFT), headers, node=node, objects=frozenset({"labelmap"}))
    assert Counter(o.kind for o in made) == {"volume": 90, "labelmap": 1}


def test_the_clock_is_not_asked(both_knees: tuple[ReportObject, ...], headers: tuple[Dataset, ...]) -> None:
    for obj in both_knees:
        assert (obj.dataset.ContentDate, obj.dataset.ContentTime) == ("20261102", "101702")
        assert not {"InstanceCreationDate", "DateOfSecondaryCapture"} & set(obj.dataset.dir())
    assert np.all([h.AcquisitionTime == "101702" for h in headers])
