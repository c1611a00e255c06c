"""Reports in words, what was not analysed, and what ties a set: read back from the bytes that are sent."""

from __future__ import annotations

import dataclasses
import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, KeyObjectSelectionDocumentStorage

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.analysis.result import Bone, KneeNotAnalysed, Mark, Side
from ctsma_node.deliver import in_reference_order
from ctsma_node.report import ALL_OBJECTS, NodeIdentity, ReportObject, build_note, build_set
from tests.unit.report.conftest import encode
from tests.unit.report.knee_results import analysis, knee, source_headers

METAL = KneeNotAnalysed(Side.RIGHT, "metal_implant", "About 3 cm3 of metal lie in the knee.")
SMALL = frozenset({"text_report", "picture", "key_objects", "not_analysed"})


def received(obj: ReportObject) -> Dataset:
    return dcmread(io.BytesIO(encode(obj)))


def said(ds: Dataset) -> list[str]:
    return [str(e.value) for e in ds.iterall() if e.keyword == "TextValue"]


def codes_in(ds: Dataset) -> dict[str, str]:
    """Value of each CODE item by the value of its name."""
    items = [item for section in ds.ContentSequence for item in section.get("ContentSequence", ())]
    return {
        i.ConceptNameCodeSequence[0].CodeValue: i.ConceptCodeSequence[0].CodeValue
        for i in items
        if i.ValueType == "CODE"
    }


def evidence(ds: Dataset) -> set[str]:
    return {
        str(instance.ReferencedSOPInstanceUID)
        for study in ds.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }


def one(objects: tuple[ReportObject, ...], kind: str, side: Side | None) -> ReportObject:
    (found,) = [o for o in objects if o.kind == kind and o.side == side]
    return found


def make_note(node: NodeIdentity, code: str = "knee_cut_off", **more: object) -> ReportObject:
    arguments = {"node": node, "bundle_digest": "cd" * 32, **more}
    return build_note(code, "The femur is cut off.", source_headers(3), **arguments)  # type: ignore[arg-type]


def test_the_report_in_words_says_the_headline(both_knees: tuple[ReportObject, ...]) -> None:
    ds = received(one(both_knees, "text_report", Side.RIGHT))
    assert ds.SOPClassUID == BasicTextSRStorage
    assert ds.ConceptNameCodeSequence[0].CodeValue == "18748-4"  # 126000 goes to OHIF's measurements
    assert (ds.CompletionFlag, ds.VerificationFlag, ds.SeriesNumber) == ("COMPLETE", "UNVERIFIED", 975)
    texts = "\n".join(said(ds))
    assert "RESEARCH USE ONLY" in texts
    assert "Right knee in series 5 of this study (40 CT instances)" in texts
    assert "Mild osteoarthritis (KL grade 1 to 2) (normal 0.12, mild 0.61, advanced 0.27)" in texts
    assert "Probability of knee osteoarthritis: 0.88." in texts
    for summary in knee(Side.RIGHT).bones:
        name = "Femur" if summary.bone is Bone.FEMUR else "Tibia"
        assert f"{name}, mean ± SD over 100 subregions: BV/TV" in texts
        assert all(f"{value:.3f} ± {summary.sd[p]:.3f}" in texts for p, value in summary.mean.items())
    assert "mm, Tb.N" in texts
    assert "medial femur 0.2 ± 0.4" in texts
    assert "Warning: synthetic_training: The bundle was trained on synthetic knees only." in texts


def test_a_knee_without_marks_says_so(node: NodeIdentity) -> None:
    unmarked = tuple(dataclasses.replace(each, marks=()) for each in knee(Side.LEFT).subregions)
    plain = dataclasses.replace(knee(Side.LEFT), marks=(), subregions=unmarked)
    result = dataclasses.replace(analysis(Side.LEFT), knees=(plain,))
    objects = build_set(result, source_headers(2), node=node, objects=frozenset({"text_report"}))
    assert any("marked nothing unusual" in text for text in said(received(objects[0])))
    marked = dataclasses.replace(plain, marks=(Mark("unfamiliar", "unlike (score 2.1)"),))
    result = dataclasses.replace(result, knees=(marked,))
    objects = build_set(
        result, source_headers(2), node=node, objects=frozenset({"text_report"}), language="de"
    )
    assert any("unfamiliar: Die CT ist anders" in text for text in said(received(objects[0])))


def test_a_report_that_does_not_name_the_marked_subregions_counts_them(node: NodeIdentity) -> None:
    some = tuple(
        dataclasses.replace(each, marks=(Mark("little_bone", "little"),) if n < 8 else ())
        for n, each in enumerate(knee(Side.LEFT).subregions)
    )
    result = dataclasses.replace(
        analysis(Side.LEFT), knees=(dataclasses.replace(knee(Side.LEFT), marks=(), subregions=some),)
    )
    (report,) = build_set(result, source_headers(2), node=node, objects=frozenset({"text_report"}))
    texts = said(received(report))
    assert f"8 of {len(some)} subregions carry a mark (see the report)." in texts
    assert not any("nothing unusual" in text for text in texts)


@pytest.mark.parametrize("kind", ["text_report", "report", "viewer_report"])
def test_what_the_networks_learned_from_is_said(node: NodeIdentity, kind: str) -> None:
    words = {"en": "synthetic knees only", "de": "nur synthetische Knie"}
    trained = dataclasses.replace(analysis(Side.LEFT), training=read_bundle().plan.training)
    for language, expected in words.items():
        objects = build_set(
            trained, source_headers(2), node=node, objects=frozenset({kind}), language=language
        )
        texts = said(received(next(each for each in objects if each.kind == kind)))
        assert any(expected in text for text in texts)


@pytest.mark.parametrize(
    ("value", "text"), [(0.9983, ">0.99"), (0.99, "0.99"), (0.5, "0.50"), (0.01, "0.01"), (0.002, "<0.01")]
)
def test_no_probability_is_told_as_a_certainty(node: NodeIdentity, value: float, text: str) -> None:
    sure = dataclasses.replace(knee(Side.LEFT), oa_probability=value)
    result = dataclasses.replace(analysis(Side.LEFT), knees=(sure,))
    (report,) = build_set(result, source_headers(2), node=node, objects=frozenset({"text_report"}))
    assert f"Probability of knee osteoarthritis: {text}." in said(received(report))


def test_words_refer_to_the_source_alone(both_knees: tuple[ReportObject, ...]) -> None:
    ds = received(one(both_knees, "text_report", Side.LEFT))
    assert evidence(ds) == {str(h.SOPInstanceUID) for h in source_headers(40)}


def test_the_selection_ties_everything_but_the_label_map(both_knees: tuple[ReportObject, ...]) -> None:
    for side in Side:
        ds = received(one(both_knees, "key_objects", side))
        assert (ds.SOPClassUID, ds.Modality) == (KeyObjectSelectionDocumentStorage, "KO")
        named = {
            str(i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID): i.ValueType
            for i in ds.ContentSequence
            if i.ValueType in ("IMAGE", "COMPOSITE")
        }
        tied = [o for o in both_knees if o.side is side and o.kind not in ("labelmap", "key_objects")]
        assert set(named) == {o.sop_instance_uid for o in tied} == evidence(ds)
        documents = {o.sop_instance_uid for o in tied if o.dataset.Modality == "SR"}
        assert {uid for uid, value_type in named.items() if value_type == "COMPOSITE"} == documents
        assert (ds.StudyDescription, ds.PatientAge, ds.PatientSize, ds.PatientWeight) == (
            "CT Knie",
            "071Y",
            1.8,
            84,
        )


def test_a_selection_names_only_what_its_destinations_take(node: NodeIdentity) -> None:
    def selection(tied: frozenset[str]) -> list[ReportObject]:
        objects = build_set(analysis(Side.LEFT), source_headers(2), node=node, objects=SMALL, tied=tied)
        return [o for o in objects if o.kind == "key_objects"]

    (all_of_it,), (fewer,) = selection(ALL_OBJECTS), selection(frozenset({"picture", "report"}))
    assert len(evidence(received(all_of_it))) == 2
    assert len(evidence(received(fewer))) == 1
    assert all_of_it.sop_instance_uid != fewer.sop_instance_uid
    assert selection(frozenset({"report", "key_objects"})) == []


def test_what_is_made_but_not_wanted_is_not_tied(node: NodeIdentity) -> None:
    """The volume is made because the segmentation refers to it; who did not ask for it does not get it."""
    kinds = frozenset({"segmentation", "key_objects"})
    objects = build_set(analysis(Side.LEFT), source_headers(2), node=node, objects=kinds)
    segmentation, selection = objects[-2:]
    assert evidence(received(selection)) == {segmentation.sop_instance_uid}


def test_the_selection_is_sent_last(both_knees: tuple[ReportObject, ...]) -> None:
    kinds = [o.kind for o in in_reference_order(both_knees, lambda o: o.sop_class_uid)]
    assert kinds[-2:] == ["key_objects"] * 2
    assert kinds.index("labelmap") > kinds.index("volume")
    assert kinds.index("labelmap") < kinds.index("parametric_map")


def test_a_series_that_was_refused_gets_a_coded_reason(node: NodeIdentity) -> None:
    note = make_note(node)
    ds = received(note)
    assert (note.side, ds.SeriesNumber, ds.SeriesDescription) == (
        None,
        925,
        "RESEARCH knee NOT ANALYSED (series 5)",
    )
    assert codes_in(ds) == {"111065": "111225", "NA-REASON": "NA-CUT-OFF"}
    texts = "\n".join(said(ds))
    assert "Series 5 of this study (3 instances) was NOT analysed" in texts
    assert "Reason: The femur is cut off." in texts
    assert "own words" not in texts  # they are these
    assert evidence(ds) == {str(h.SOPInstanceUID) for h in source_headers(3)}
    assert ds.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99CTSMA"


def test_a_german_note_keeps_the_nodes_own_words(node: NodeIdentity) -> None:
    texts = "\n".join(said(received(make_note(node, language="de"))))
    assert "Grund: Das Knie ist vom Bildfeld abgeschnitten." in texts
    assert "(englisch): The femur is cut off." in texts


def test_the_same_refusal_gives_the_same_note_and_another_another(node: NodeIdentity) -> None:
    assert encode(make_note(node)) == encode(make_note(node))
    others = [make_note(node, code="side_unknown"), make_note(node, revision=2), make_note(node)]
    assert len({note.sop_instance_uid for note in others}) == 3
    assert codes_in(received(make_note(node, code="unheard_of")))["NA-REASON"] == "NA-OTHER"


def test_a_note_replaces_an_earlier_note_and_a_report_does_not(node: NodeIdentity) -> None:
    first = make_note(node)
    second = received(make_note(node, revision=2, predecessor=[first.reference]))
    (study,) = second.PredecessorDocumentsSequence
    named = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == first.sop_instance_uid
    objects = build_set(
        analysis(Side.LEFT),
        source_headers(4),
        node=node,
        revision=2,
        predecessor=[first.reference],
        objects=frozenset({"text_report"}),
    )
    assert "PredecessorDocumentsSequence" not in objects[0].dataset


@pytest.mark.parametrize(("explained", "notes"), [({"metal_implant"}, 1), ({"no_knee"}, 0)])
def test_a_knee_that_was_refused_beside_another_gets_its_note(
    node: NodeIdentity, explained: set[str], notes: int
) -> None:
    result = analysis(Side.LEFT, not_analysed=(METAL,))
    objects = build_set(result, source_headers(2), node=node, objects=SMALL, explained=explained)
    found = [o for o in objects if o.kind == "not_analysed"]
    assert len(found) == notes
    if notes:
        ds = received(found[0])
        assert (found[0].side, ds.SeriesNumber) == (Side.RIGHT, 975)
        assert codes_in(ds)["NA-REASON"] == "NA-METAL"
        assert any(text.startswith("Right knee in series 5") for text in said(ds))


def test_two_knees_of_unknown_side_get_a_note_each(node: NodeIdentity) -> None:
    unknown = KneeNotAnalysed(None, "side_unknown", "Left or right cannot be told.")
    result = analysis(Side.LEFT, not_analysed=(unknown, unknown))
    objects = build_set(result, source_headers(2), node=node, objects=SMALL, explained={"side_unknown"})
    notes = [o for o in objects if o.kind == "not_analysed"]
    assert len({o.sop_instance_uid for o in notes}) == len({o.file_name for o in notes}) == 2
    assert any(text.startswith("A knee in series 5") for text in said(received(notes[0])))
