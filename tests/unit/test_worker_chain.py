"""A case through its steps, on real ledgers and files: what becomes of it when all goes well, or not."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from ctsma_node import log
from ctsma_node.analysis.result import KneeNotAnalysed, Side
from ctsma_node.config import ChoiceSettings, DestinationSettings, RuleSettings
from ctsma_node.config.settings import GateSection
from ctsma_node.errors import Refused, Transient
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import Case, SeriesState
from ctsma_node.report import ReportObject
from ctsma_node.worker import steps
from ctsma_node.worker.advance import advance
from ctsma_node.worker.chain import Chain
from ctsma_node.worker.intake import Intake
from ctsma_node.worker.siblings import Siblings
from ctsma_node.worker.steps import report as build_report
from ctsma_node.worker.steps import stated_side
from tests.acceptance.stand_ins import Arrivals, FakeAnalyser, settings_in
from tests.fixtures.ct_series import StackPlan, multi_frame, single_frames

S = SeriesState
PLAN = StackPlan(rows=8, columns=8)
PACS = DestinationSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
VIEWER = PACS.model_copy(update={"name": "viewer", "objects": ("picture",)})  # one object: quickly made


class Node:
    """Everything of a worker but its threads."""

    def __init__(self, folder: Path, analyser: FakeAnalyser, *destinations: DestinationSettings) -> None:
        self.settings = settings_in(folder, *destinations)
        self.arrivals = Arrivals(self.settings)
        self.analyser = analyser
        self.now = 1000.0
        self.cases = Cases(self.settings.ledger_path, clock=lambda: self.now)
        self.inbox = InboxReader(self.settings.inbox_path)
        self.intake = Intake(self.inbox, self.cases, self.settings.completion, lambda: self.now)
        self.restart()

    def restart(self) -> None:
        """As a worker that died: nothing in memory, the ledgers as they are."""
        self.chain = Chain(self.settings, self.inbox, self.cases, self.analyser, clock=lambda: self.now)
        self.cases.requeue_running()

    def with_choice(self, **choice: object) -> None:
        """Go on under another `[choice]`."""
        self.settings = self.settings.model_copy(update={"choice": ChoiceSettings(**choice)})  # type: ignore[arg-type]
        self.restart()

    def bring(self, datasets: list[Dataset]) -> Case:
        self.now += 10
        self.arrivals.bring(datasets, at=self.now)
        self.now += 1
        self.intake.sweep()
        return self.cases.in_state()[-1]

    def advance(self, case: Case) -> Case:
        return advance(self.cases, case.id, self.chain.step, 3, lambda: self.now, self.chain.facts)

    def finish(self, case: Case) -> Case:
        while case.state in (S.STABLE, S.ACCEPTED, S.ANALYSED):
            case = self.advance(case)
        return case

    def close(self) -> None:
        self.cases.close()
        self.inbox.close()
        self.arrivals.inbox.close()


MakeNode = Callable[..., Node]


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    made: list[Node] = []

    def make(analyser: FakeAnalyser | None = None, *destinations: DestinationSettings) -> Node:
        made.append(Node(tmp_path, analyser or FakeAnalyser(), *(destinations or (VIEWER,))))
        return made[-1]

    yield make
    for node in made:
        node.close()


def test_a_series_becomes_a_set_with_a_delivery_for_each_object(make_node: MakeNode) -> None:
    node = make_node(None, PACS)
    case = node.finish(node.bring(single_frames(PLAN)))
    results, deliveries = node.cases.results(case.id), node.cases.deliveries(case.id)
    assert case.state is S.REPORTED
    assert {each.kind for each in results} == set(PACS.objects) - {"not_analysed"}
    assert [each.sop_instance_uid for each in deliveries] == [each.sop_instance_uid for each in results]
    for each in results:
        path = node.settings.outbox_dir / each.path
        assert path.stat().st_size == each.size
        assert dcmread(path, stop_before_pixels=True).SOPInstanceUID == each.sop_instance_uid
    moves = [
        (event.from_state, event.to_state) for event in node.cases.events(case.id) if event.action == "moved"
    ]
    assert moves == [
        (S.RECEIVING, S.STABLE),
        (S.STABLE, S.ACCEPTED),
        (S.ACCEPTED, S.ANALYSED),
        (S.ANALYSED, S.REPORTED),
    ]


def test_the_volume_is_decoded_and_analysed_once(make_node: MakeNode) -> None:
    node = make_node()
    node.finish(node.bring(single_frames(PLAN)))
    assert node.analyser.analysed == 1
    assert node.chain.at_hand == ()


@pytest.mark.parametrize("dies_after", [S.STABLE, S.ACCEPTED, S.ANALYSED])
def test_a_worker_that_dies_between_steps_makes_one_set(make_node: MakeNode, dies_after: SeriesState) -> None:
    slices = single_frames(PLAN)
    node = make_node()
    case = node.bring(slices)
    while case.state is not dies_after:
        case = node.advance(case)
    node.restart()
    case = node.finish(case)
    assert case.state is S.REPORTED
    uids = {each.sop_instance_uid for each in node.cases.results(case.id)}
    assert len(uids) == len(node.cases.results(case.id)) == len(node.cases.deliveries(case.id))


def test_a_worker_that_dies_behind_the_results_rows_does_not_analyse_again(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node()
    case = node.bring(single_frames(PLAN))
    while case.state is not S.ANALYSED:
        case = node.advance(case)
    monkeypatch.setattr(node.cases, "add_deliveries", _die)
    with pytest.raises(KeyboardInterrupt):
        node.advance(case)
    monkeypatch.undo()
    before = node.cases.results(case.id)
    node.restart()
    case = node.finish(node.cases.get(case.id))
    assert (case.state, node.analyser.analysed) == (S.REPORTED, 1)
    assert node.cases.results(case.id) == before


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_gates_refusal_ends_a_case_with_its_code(make_node: MakeNode) -> None:
    node = make_node()
    case = node.finish(node.bring(single_frames(PLAN, Modality="MR")))
    assert (case.state, case.code) == (S.REFUSED, "not_ct")
    assert node.analyser.analysed == 0


def test_the_analysis_refusal_ends_a_case_with_its_code(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=Refused("no_knee", "There is no knee in the field of view.")))
    case = node.finish(node.bring(single_frames(PLAN)))
    assert (case.state, case.code) == (S.REFUSED, "no_knee")


def test_limits_that_became_stricter_behind_the_analysis_refuse_the_report(make_node: MakeNode) -> None:
    """A worker that starts again judges the series again: its volume is gone, and rules may have changed."""
    node = make_node()
    case = node.advance(node.advance(node.bring(single_frames(PLAN))))
    assert case.state is S.ANALYSED
    node.settings = node.settings.model_copy(update={"gate": GateSection(min_slices=200)})
    node.restart()
    case = node.advance(case)
    assert (case.state, case.code) == (S.REFUSED, "too_few_slices")


def test_cases_that_wait_are_analysed_together_and_end_each_by_itself(make_node: MakeNode) -> None:
    """As on a GPU: three are accepted, and the first to be analysed takes the others along."""
    node = make_node()
    node.analyser.together = 3
    cases = [node.bring(single_frames(PLAN)) for _ in range(4)]
    for case in cases[:3]:
        assert node.chain.gathers
        node.advance(case)
    assert (node.chain.at_hand, node.chain.gathers) == (tuple(case.id for case in cases[:3]), False)
    for case in cases[:3]:
        assert node.finish(node.cases.get(case.id)).state is S.REPORTED
    assert (node.analyser.runs, node.analyser.analysed) == ([3], 3)
    assert node.chain.at_hand == ()


def test_who_was_taken_along_by_one_that_dies_has_lost_no_attempt(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=MemoryError()))
    node.analyser.together = 2
    first, second = (node.advance(node.bring(single_frames(PLAN))) for _ in range(2))
    first = node.advance(first)
    assert (first.state, first.attempts, node.cases.get(second.id).attempts) == (S.ACCEPTED, 1, 0)
    node.analyser.error = None
    first = node.advance(first)  # alone this time
    assert (first.state, node.analyser.runs) == (S.ANALYSED, [2])


def test_what_is_refused_beside_others_is_refused_alone(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=Refused("no_knee", "There is no knee in the field of view.")))
    node.analyser.together = 2
    cases = [node.advance(node.bring(single_frames(PLAN))) for _ in range(2)]
    assert [node.advance(case).code for case in cases] == ["no_knee"] * 2
    assert node.analyser.runs == [2]


def test_a_transient_error_is_tried_again_later_and_not_for_ever(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=Transient("The accelerator is busy.")))
    case = node.advance(node.bring(single_frames(PLAN)))
    for attempt in (1, 2):
        case = node.advance(case)
        assert (case.state, case.attempts, case.running) == (S.ACCEPTED, attempt, False)
        assert case.due_at is not None
        assert case.due_at > node.now
    case = node.advance(case)
    assert (case.state, case.code) == (S.FAILED, "transient")
    assert "busy" in str(case.reason)


def test_an_unforeseen_error_is_named_without_its_text(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=ValueError("Zebra^Quagga is no number")))
    case = node.advance(node.advance(node.bring(single_frames(PLAN))))
    assert (case.state, case.code) == (S.ACCEPTED, "internal_error")
    assert "ValueError" in str(case.reason)
    assert "Zebra" not in str(case.reason)


def test_a_step_that_kills_the_worker_cannot_loop_for_ever(make_node: MakeNode) -> None:
    node = make_node(FakeAnalyser(error=KeyboardInterrupt()))  # type: ignore[arg-type]
    case = node.advance(node.bring(single_frames(PLAN)))
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            node.advance(case)
        node.restart()
    case = node.advance(case)
    assert (case.state, case.code) == (S.FAILED, "worker_died")


def test_a_result_that_is_not_valid_is_not_sent(make_node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt: the same series would give the same bytes."""
    stream = io.StringIO()
    log.configure("error", stream)
    node = make_node()
    monkeypatch.setattr(steps, "report", _without_modality)
    case = node.finish(node.bring(single_frames(PLAN)))
    assert (case.state, case.code) == (S.FAILED, "invalid_result")
    assert "L-931-picture-001.dcm, Modality: It is absent or empty" in str(case.reason)
    assert not node.cases.results(case.id)
    assert not node.cases.deliveries(case.id)
    assert list(node.settings.outbox_dir.glob("*")) == []
    (logged,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (logged["action"], logged["code"], logged["path"]) == (
        "result.invalid",
        "missing_attribute",
        "Modality",
    )


def _without_modality(*arguments: Any) -> tuple[ReportObject, ...]:
    made = build_report(*arguments)
    del made[-1].dataset.Modality
    return made


def test_missing_files_are_waited_for(make_node: MakeNode) -> None:
    node = make_node()
    case = node.bring(single_frames(PLAN))
    shutil.rmtree(node.settings.spool_dir)
    case = node.advance(case)
    assert (case.state, case.code) == (S.STABLE, "transient")
    assert "40 of 40" in str(case.reason)


def test_a_late_slice_makes_a_set_that_names_its_predecessor(make_node: MakeNode) -> None:
    slices = single_frames(PLAN)
    node = make_node(None, PACS.model_copy(update={"objects": ("report",)}))
    first = node.finish(node.bring(slices[:-1]))
    second = node.finish(node.bring(slices[-1:]))
    assert (second.revision, second.predecessor, second.state) == (2, first.id, S.REPORTED)
    before, after = ({r.kind: r for r in node.cases.results(case.id)} for case in (first, second))
    assert not {r.sop_instance_uid for r in before.values()} & {r.sop_instance_uid for r in after.values()}
    report = dcmread(node.settings.outbox_dir / after["report"].path)
    named = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == before["report"].sop_instance_uid


def brought_again(node: Node, datasets: list[Dataset]) -> Case:
    """A series that retention had removed and the archive sent again, byte for byte."""
    inbox, series_uid = node.arrivals.inbox, str(datasets[0].SeriesInstanceUID)
    for path in inbox.mark_series_purged(series_uid, node.now + 1, 10**6, node.now):
        node.arrivals.spool.remove(path)
    return node.finish(node.bring(datasets))


def test_what_was_refused_and_is_sent_again_is_judged_by_the_limits_of_now(make_node: MakeNode) -> None:
    slices = single_frames(StackPlan(rows=8, columns=8, spacing=3.5))
    node = make_node()
    assert node.finish(node.bring(slices)).code == "too_thick_slices"
    gate = node.settings.gate.model_copy(update={"max_slice_spacing_mm": 4.0})
    node.settings = node.settings.model_copy(update={"gate": gate})
    node.restart()
    again = brought_again(node, slices)
    assert (again.revision, again.state) == (2, S.REPORTED)


@pytest.mark.parametrize(("is_purged", "code"), [(False, "unchanged"), (True, None)])
def test_the_same_instances_are_analysed_again_where_the_results_are_gone(
    make_node: MakeNode, is_purged: bool, code: str | None
) -> None:
    slices = single_frames(PLAN)
    node = make_node()
    first = node.finish(node.bring(slices))
    for each in node.cases.deliveries(first.id):
        node.cases.delivery_done(each.id)
    node.cases.move(first.id, S.DELIVERED)
    if is_purged:
        node.cases.mark_purged(range(1, 1 + len(node.cases.results(first.id))))
    again = brought_again(node, slices)
    assert (again.revision, again.code) == (2, code)


def test_a_revision_with_a_successor_is_not_analysed(make_node: MakeNode) -> None:
    slices = single_frames(PLAN)
    node = make_node()
    first = node.bring(slices[:-1])
    second = node.bring(slices[-1:])
    first = node.advance(first)
    assert (first.state, first.code) == (S.REFUSED, "superseded")
    assert node.finish(second).state is S.REPORTED
    assert node.analyser.analysed == 1


def test_only_kinds_that_somebody_takes_are_delivered(make_node: MakeNode) -> None:
    viewer = DestinationSettings(
        name="viewer", ae_title="V", host="127.0.0.1", port=104, objects=("picture",)
    )
    node = make_node(None, viewer)
    case = node.finish(node.bring(single_frames(PLAN)))
    assert {each.kind for each in node.cases.deliveries(case.id)} == {"picture"}


def test_the_side_that_the_source_states_is_told(make_node: MakeNode) -> None:
    node = make_node()
    node.finish(node.bring(single_frames(PLAN, Laterality="R")))
    assert node.analyser.stated == [Side.RIGHT]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (["L", "L"], Side.LEFT),
        (["R", ""], Side.RIGHT),
        (["L", "R"], None),
        (["", ""], None),
        (["B", "B"], None),
        (["l", "L "], Side.LEFT),
        (["RIGHT", "right"], Side.RIGHT),
        (["LEFT", "R"], None),
    ],
)
def test_a_side_is_stated_where_no_header_says_otherwise(stated: list[str], told: Side | None) -> None:
    headers = []
    for side in stated:
        headers.append(Dataset())
        headers[-1][0x00200062] = RawDataElement(
            BaseTag(0x00200062), "CS", len(side), side.encode(), 0, False, True
        )
    assert stated_side(headers) is told


@pytest.mark.parametrize(
    ("shared", "own", "told"),
    [
        ("L", [], Side.LEFT),
        (None, ["R", "R", "R"], Side.RIGHT),
        (None, ["R", "L", "R"], None),
        ("L", ["R"], None),
        ("B", [], None),
    ],
)
def test_a_side_is_stated_for_the_frames_of_a_multi_frame_instance(
    shared: str | None, own: list[str], told: Side | None
) -> None:
    ds = multi_frame(StackPlan(slices=3))
    groups = [*ds.SharedFunctionalGroupsSequence, *ds.PerFrameFunctionalGroupsSequence]
    for group, side in zip(groups, [shared, *own], strict=False):
        if side is not None:
            anatomy = Dataset()
            anatomy.FrameLaterality = side
            group.FrameAnatomySequence = Items([anatomy])
    assert stated_side([ds]) is told


STUDY = {"StudyInstanceUID": "1.2.826.0.1.7", "FrameOfReferenceUID": "1.2.826.0.1.8"}


def reconstruction(number: int, kernel: str, **attributes: object) -> list[Dataset]:
    """One of several series of the same knees in one study."""
    return single_frames(PLAN, SeriesNumber=number, ConvolutionKernel=kernel, **STUDY, **attributes)


def latest(node: Node, datasets: list[Dataset]) -> Case:
    return node.cases.by_series(str(datasets[0].SeriesInstanceUID))[-1]


def test_the_better_series_of_a_study_is_analysed_and_the_other_left_out(make_node: MakeNode) -> None:
    node = make_node()
    soft = node.bring(reconstruction(2, "B30s"))
    sharp = node.bring(reconstruction(3, "B60s"))
    soft = node.advance(soft)
    assert (soft.state, soft.code, soft.attempts) == (S.STABLE, "waiting_for_sibling", 0)
    assert soft.due_at is not None
    assert soft.due_at > node.now
    assert "Series 3 of the same study" in str(soft.reason)
    assert node.finish(sharp).state is S.REPORTED
    soft = node.finish(soft)
    assert (soft.state, soft.code) == (S.REFUSED, "not_chosen")
    assert "Series 3 of the same study shows the same knees" in str(soft.reason)
    assert node.analyser.analysed == 1


def test_a_series_waits_for_a_better_one_that_is_coming_in_and_not_for_ever(make_node: MakeNode) -> None:
    node = make_node()
    soft, sharp = reconstruction(2, "B30s"), reconstruction(3, "B60s")
    node.bring(soft)
    node.arrivals.bring(sharp[:5], at=node.now, close=False)
    node.intake.sweep()
    case = node.advance(latest(node, soft))
    assert (case.state, case.code) == (S.STABLE, "waiting_for_sibling")
    node.now += node.settings.choice.sibling_wait_s
    assert node.finish(case).state is S.REPORTED


def test_a_sibling_that_has_moved_wakes_those_that_wait(make_node: MakeNode) -> None:
    node = make_node()
    soft, sharp = node.bring(reconstruction(2, "B30s")), node.bring(reconstruction(3, "B60s"))
    stranger = node.bring(single_frames(PLAN))
    soft = node.advance(soft)
    node.cases.wake(stranger.study_uid, "waiting_for_sibling")
    assert node.cases.get(soft.id).due_at == soft.due_at
    node.cases.wake(sharp.study_uid, "waiting_for_sibling")
    assert node.cases.get(soft.id).due_at == node.now
    third = reconstruction(9, "B80s")
    node.advance(node.cases.get(soft.id))
    node.bring(third)  # it has become complete
    assert node.cases.get(soft.id).due_at is not None
    assert node.cases.get(soft.id).due_at <= node.now  # type: ignore[operator]


@pytest.mark.parametrize("how", ["refused by the gate", "no knee in it", "failed"])
def test_where_the_better_one_comes_to_nothing_the_next_best_is_analysed(
    make_node: MakeNode, how: str
) -> None:
    node = make_node()
    soft = node.bring(reconstruction(2, "B30s"))
    lossy = {"LossyImageCompression": "01"} if how == "refused by the gate" else {}
    sharp = node.bring(reconstruction(3, "B60s", **lossy))
    soft = node.advance(soft)
    errors = {"no knee in it": Refused("no_knee", "There is none."), "failed": ValueError("broken")}
    node.analyser.error = errors.get(how)
    while sharp.state not in (S.REFUSED, S.FAILED):
        sharp = node.advance(sharp)
    node.analyser.error = None
    assert node.finish(soft).state is S.REPORTED


@pytest.mark.parametrize(
    ("refused", "state"),
    [
        ((), S.REFUSED),
        (("knee_cut_off",), S.REFUSED),  # in the same field of view: cut off again
        (("bones_not_credible",), S.REPORTED),
        (("knee_cut_off", "metal_implant"), S.REPORTED),
    ],
)
def test_a_knee_that_was_refused_beside_another_is_looked_for_in_the_next_best(
    make_node: MakeNode, refused: tuple[str, ...], state: SeriesState
) -> None:
    node = make_node()
    node.analyser.refused = tuple(KneeNotAnalysed(Side.RIGHT, code, "Why.") for code in refused)
    sharp = node.bring(reconstruction(3, "B60s"))
    assert node.finish(sharp).state is S.REPORTED
    assert node.cases.refused_knees(sharp.id) == set(refused)
    assert node.finish(node.bring(reconstruction(2, "B30s"))).state is state


def test_a_series_that_shows_more_than_one_which_cut_a_knee_off_is_analysed(make_node: MakeNode) -> None:
    node = make_node()
    node.analyser.refused = (KneeNotAnalysed(Side.RIGHT, "knee_cut_off", "Why."),)
    assert node.finish(node.bring(reconstruction(3, "B60s"))).state is S.REPORTED
    wider = single_frames(
        StackPlan(rows=8, columns=24, first=(-16.9, 4.1, -31.7)),
        SeriesNumber=2,
        ConvolutionKernel="B30s",
        **STUDY,
    )
    assert node.finish(node.bring(wider)).state is S.REPORTED


def test_what_shows_something_else_is_analysed_too(make_node: MakeNode) -> None:
    node = make_node()
    left = reconstruction(2, "B60s", Laterality="L")
    right = reconstruction(3, "B30s", Laterality="R")
    cases = [node.bring(left), node.bring(right)]
    assert [node.finish(case).state for case in cases] == [S.REPORTED, S.REPORTED]


def test_a_better_series_that_comes_after_the_result_is_analysed_and_a_worse_one_is_not(
    make_node: MakeNode,
) -> None:
    node = make_node()
    assert node.finish(node.bring(reconstruction(2, "B46s"))).state is S.REPORTED
    assert node.finish(node.bring(reconstruction(3, "B30s"))).code == "not_chosen"
    assert node.finish(node.bring(reconstruction(4, "B60s"))).state is S.REPORTED


def test_a_sibling_whose_directions_are_rounded_is_described_as_it_lies(make_node: MakeNode) -> None:
    node = make_node()
    rounded = reconstruction(3, "B60s")
    for k, ds in enumerate(rounded):
        ds.ImageOrientationPatient = ["1", f"{(k % 7) * 1e-6:.6f}", "0", "0", "1", "0"]
    node.bring(rounded)
    (sibling,) = Siblings(node.inbox, node.cases, node.settings.spool_dir).of(
        node.bring(reconstruction(2, "B30s"))
    )
    assert sibling.candidate.spacing_mm == pytest.approx(PLAN.spacing)
    assert sibling.candidate.box is not None
    assert sibling.candidate.box[2] == pytest.approx((PLAN.position(0)[2], PLAN.position(39)[2]), abs=0.01)


def test_a_site_may_wait_for_the_study_to_be_quiet(make_node: MakeNode) -> None:
    node = make_node()
    node.with_choice(study_quiet_s=60.0)
    case = node.advance(node.bring(reconstruction(2, "B60s")))
    assert (case.code, case.due_at) == ("waiting_for_study", case.last_instance_at + 60.0)
    node.now = case.last_instance_at + 60.0
    assert node.finish(case).state is S.REPORTED


def test_a_site_may_have_everything_analysed_and_exclude_by_rule(make_node: MakeNode) -> None:
    node = make_node()
    excluding = RuleSettings(name="no-soft", action="exclude", kernel="B30")
    node.with_choice(best_only=False, rules=(excluding,))
    cases = [node.bring(reconstruction(n, kernel)) for n, kernel in enumerate(("B46s", "B60s", "B30s"))]
    ended = [node.finish(case) for case in cases]
    assert [each.state for each in ended] == [S.REPORTED, S.REPORTED, S.REFUSED]
    assert (ended[2].code, "no-soft" in str(ended[2].reason)) == ("excluded_by_rule", True)


def test_a_sibling_whose_files_are_gone_holds_nothing_back(make_node: MakeNode) -> None:
    node = make_node()
    soft, sharp = node.bring(reconstruction(2, "B30s")), node.bring(reconstruction(3, "B60s"))
    for row in node.inbox.instances(sharp.series_uid):
        (node.settings.spool_dir / row.path).unlink()
    assert node.finish(soft).state is S.REPORTED
