"""A refused case whose refusal the site wants explained: one note, on its way, whatever dies in between."""

from __future__ import annotations

import errno
import json
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ctsma_node import log
from ctsma_node.config import DestinationSettings
from ctsma_node.config.peers import ObjectKind
from ctsma_node.errors import Refused
from ctsma_node.records import Case, DeliveryState
from ctsma_node.report import ReportObject
from ctsma_node.worker import steps
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.outbox import Outbox
from tests.acceptance.stand_ins import FakeAnalyser, settings_in
from tests.fixtures.ct_series import single_frames
from tests.unit.test_worker_chain import PACS, PLAN, MakeNode, Node, S, make_node

__all__ = ["make_node"]

CUT_OFF = Refused("knee_cut_off", "The femur is cut off by the field of view.")
TAKER = PACS.model_copy(update={"objects": ("report", "not_analysed")})


def lossy() -> list[Dataset]:
    """A whole stack that the gate refuses."""
    return single_frames(PLAN, LossyImageCompression="01")


def note_of(node: Node, case: Case) -> Dataset:
    (result,) = node.cases.results(case.id)
    assert (result.kind, result.side) == ("not_analysed", None)
    return dcmread(node.settings.outbox_dir / result.path)


def texts_in(ds: Dataset) -> str:
    return "\n".join(str(e.value) for e in ds.iterall() if e.keyword == "TextValue")


def test_what_the_analysis_refuses_is_explained(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.finish(node.bring(single_frames(PLAN)))
    assert (case.state, case.code) == (S.REFUSED, "knee_cut_off")
    assert CUT_OFF.reason in texts_in(note_of(node, case))
    (delivery,) = node.cases.deliveries(case.id)
    assert (delivery.destination, delivery.kind, delivery.state) == (
        "pacs",
        "not_analysed",
        DeliveryState.PENDING,
    )


def test_a_note_that_is_not_valid_is_not_sent_and_the_refusal_stands(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = StringIO()
    log.configure("error", stream)
    made = steps.note

    def without_title(*arguments: Any) -> ReportObject:
        note = made(*arguments)
        del note.dataset.ConceptNameCodeSequence
        return note

    monkeypatch.setattr(steps, "note", without_title)
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.finish(node.bring(single_frames(PLAN)))
    assert (case.state, case.code) == (S.REFUSED, "knee_cut_off")
    assert not node.cases.results(case.id)
    actions = [json.loads(line)["action"] for line in stream.getvalue().splitlines()]
    assert actions == ["result.invalid", "note.failed"]


def test_what_the_gate_refuses_is_explained(make_node: MakeNode) -> None:
    node = make_node(None, TAKER)
    case = node.finish(node.bring(lossy()))
    assert (case.state, case.code) == (S.REFUSED, "lossy_compressed")
    assert str(case.reason) in texts_in(note_of(node, case))


def test_slices_that_cannot_be_told_from_copies_are_explained(make_node: MakeNode) -> None:
    node = make_node(None, TAKER)
    slices = single_frames(PLAN)
    again = deepcopy(slices)
    for ds in again:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.PixelData = ds.PixelData[:10]
    case = node.finish(node.bring([*slices, *again]))
    assert (case.state, case.code) == (S.REFUSED, "truncated_pixels")
    assert str(case.reason) in texts_in(note_of(node, case))


def test_the_case_stays_refused_however_the_delivery_ends(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.finish(node.bring(single_frames(PLAN)))
    (delivery,) = node.cases.deliveries(case.id)
    node.cases.delivery_retry(delivery.id, node.now + 15, None, "nobody answers")
    assert [each.id for each in node.cases.due_deliveries(node.now + 20)] == [delivery.id]
    node.cases.delivery_failed(delivery.id, None, "given up")
    Ending(node.cases).settle(case.id)
    ended = node.cases.get(case.id)
    assert (ended.state, ended.code) == (S.REFUSED, "knee_cut_off")


@pytest.mark.parametrize(
    ("error", "objects"),
    [
        (Refused("no_knee", "No knee was found."), ("not_analysed",)),  # not among the default
        (CUT_OFF, ("report", "picture")),  # nobody takes it
    ],
)
def test_what_nobody_wants_explained_is_not(
    make_node: MakeNode, error: Refused, objects: tuple[str, ...]
) -> None:
    node = make_node(FakeAnalyser(error=error), PACS.model_copy(update={"objects": objects}))
    case = node.finish(node.bring(single_frames(PLAN)))
    assert case.state is S.REFUSED
    assert node.cases.results(case.id) == []


@pytest.mark.parametrize(("part", "notes"), [("CHEST", 0), ("KNEE", 1), ("", 1), ("LOWER LIMB", 1)])
def test_the_gate_explains_nothing_about_a_chest(make_node: MakeNode, part: str, notes: int) -> None:
    node = make_node(None, TAKER)
    slices = lossy()
    for ds in slices:
        ds.BodyPartExamined = part
    case = node.finish(node.bring(slices))
    assert case.code == "lossy_compressed"
    assert len(node.cases.results(case.id)) == notes


def test_a_knee_that_was_seen_is_explained_whatever_the_header_says(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.finish(node.bring(single_frames(PLAN, BodyPartExamined="HIP")))
    assert len(node.cases.results(case.id)) == 1


def test_instances_that_cannot_be_read_have_no_note(make_node: MakeNode) -> None:
    node = make_node(None, TAKER)
    case = node.bring(lossy())
    for path in node.settings.spool_dir.rglob("*.*"):
        path.write_bytes(b"not DICOM")
    case = node.finish(case)
    assert case.state is S.REFUSED
    assert node.cases.results(case.id) == []


def test_a_worker_that_dies_before_the_case_moves_makes_one_note(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.advance(node.bring(single_frames(PLAN)))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(node.cases, "add_deliveries", die)
    with pytest.raises(KeyboardInterrupt):
        node.advance(case)
    monkeypatch.undo()
    before = node.cases.results(case.id)
    node.restart()
    case = node.finish(node.cases.get(case.id))
    assert case.state is S.REFUSED
    assert node.cases.results(case.id) == before
    assert len(node.cases.deliveries(case.id)) == 1


def test_a_case_that_is_refused_again_has_a_note_for_each_reason(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.finish(node.bring(single_frames(PLAN)))
    metal = Refused("metal_implant", "About 3 cm3 of metal lie in the knee.")
    for refusal in (CUT_OFF, metal, metal):
        node.chain._notes.explain(case, refusal)
    results = node.cases.results(case.id)
    assert len(results) == len(node.cases.deliveries(case.id)) == 2
    notes = [dcmread(node.settings.outbox_dir / each.path) for each in results]
    assert ["metal" in texts_in(note) for note in notes] == [False, True]


def test_a_full_disk_is_waited_for_and_does_not_make_a_refusal_a_failure(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    case = node.advance(node.bring(single_frames(PLAN)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Outbox, "put", full)
    for attempt in (1, 2):
        case = node.advance(case)
        assert (case.state, case.attempts, case.code) == (S.ACCEPTED, attempt, "io_error")
    case = node.advance(case)
    assert (case.state, case.code) == (S.REFUSED, "knee_cut_off")


def test_a_note_does_not_part_a_set_from_the_one_that_it_replaces(make_node: MakeNode) -> None:
    slices = single_frames(PLAN)
    node = make_node(None, TAKER)
    first = node.finish(node.bring(slices[:-2]))
    node.analyser.error = CUT_OFF
    second = node.finish(node.bring(slices[-2:-1]))
    node.analyser.error = None
    third = node.finish(node.bring(slices[-1:]))
    assert [case.state for case in (first, second, third)] == [S.REPORTED, S.REFUSED, S.REPORTED]
    before, after = ({r.kind: r for r in node.cases.results(case.id)} for case in (first, third))
    report = dcmread(node.settings.outbox_dir / after["report"].path)
    (study,) = report.PredecessorDocumentsSequence
    named = [
        i.ReferencedSOPInstanceUID for s in study.ReferencedSeriesSequence for i in s.ReferencedSOPSequence
    ]
    assert named == [before["report"].sop_instance_uid]


def test_a_note_is_no_measurement_that_another_series_would_wait_behind(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=CUT_OFF), TAKER)
    slices = single_frames(PLAN)
    refused = node.finish(node.bring(slices))
    assert (len(node.cases.results(refused.id)), node.cases.has_set(refused.id)) == (1, False)
    node.analyser.error = None
    shared = {name: str(slices[0][name].value) for name in ("StudyInstanceUID", "FrameOfReferenceUID")}
    other = node.finish(node.bring(single_frames(PLAN, **shared)))
    assert other.id != refused.id
    assert (other.study_uid, other.state) == (refused.study_uid, S.REPORTED)
    assert node.cases.has_set(other.id)


def test_a_set_is_made_where_limits_that_refused_the_series_were_raised(make_node: MakeNode) -> None:
    """The worker died behind the note; the site then changed its mind."""
    node = make_node(None, TAKER)
    case = node.bring(single_frames(PLAN))
    node.cases.claim(case.id)
    node.chain._notes.explain(node.cases.get(case.id), Refused("missing_slices", "Two are missing."))
    node.restart()
    case = node.finish(node.cases.get(case.id))
    assert case.state is S.REPORTED
    results = node.cases.results(case.id)
    assert {each.kind for each in results} >= {"not_analysed", "report"}
    assert all((node.settings.outbox_dir / each.path).exists() for each in results)


@pytest.mark.parametrize(
    ("destinations", "tied"),
    [
        ([("picture", "report", "key_objects")], {"picture", "report", "key_objects"}),
        (
            [("picture", "report", "key_objects"), ("picture", "key_objects")],
            {"picture", "key_objects"},
        ),
        ([("picture", "report", "key_objects"), ("picture",)], {"picture", "report", "key_objects"}),
    ],
)
def test_a_selection_names_what_all_who_take_it_take(
    tmp_path: Path, destinations: list[tuple[ObjectKind, ...]], tied: set[str]
) -> None:
    named = [
        DestinationSettings(name=f"d{n}", ae_title="D", host="127.0.0.1", port=104, objects=objects)
        for n, objects in enumerate(destinations)
    ]
    assert steps.tied_objects(settings_in(tmp_path, *named)) == tied
