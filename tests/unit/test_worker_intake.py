"""From the inbox to a stable case: what counts as complete, and what a repeated sweep does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ctsma_node.completion import InstanceGeometry, geometry_complete
from ctsma_node.config.settings import CompletionSettings
from ctsma_node.ledger.cases import Cases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import SeriesState
from ctsma_node.worker import intake
from ctsma_node.worker.intake import Intake, instances_digest
from tests.acceptance.stand_ins import Arrivals, settings_in
from tests.fixtures.ct_series import StackPlan, multi_frame, single_frames

T0 = 1000.0
SHORT, LONG = 0.5, 30.0
SMALL = StackPlan(rows=4, columns=4)


class Node:
    """An intake over real ledgers, with a clock that a test turns."""

    def __init__(self, folder: Path) -> None:
        settings = settings_in(folder)
        self.arrivals = Arrivals(settings)
        self.cases = Cases(settings.ledger_path, clock=lambda: self.now)
        self.inbox = InboxReader(settings.inbox_path)
        quiet = CompletionSettings(short_quiet_s=SHORT, long_quiet_s=LONG)
        self.intake = Intake(self.inbox, self.cases, quiet, clock=lambda: self.now)
        self.now = T0

    def state_at(self, now: float) -> SeriesState:
        self.now = now
        self.intake.sweep()
        return self.cases.in_state()[-1].state


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.cases.close()
    made.inbox.close()
    made.arrivals.inbox.close()


def test_a_whole_stack_is_stable_after_the_short_quiet_time(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    assert node.state_at(T0 + SHORT - 0.1) is SeriesState.RECEIVING
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE


def test_nothing_is_stable_while_its_association_is_open_and_it_still_grows(node: Node) -> None:
    slices = single_frames(SMALL)
    name = node.arrivals.bring(slices, at=T0, close=False)
    assert node.state_at(T0 + SHORT + 5) is SeriesState.RECEIVING
    node.arrivals.inbox.close_association(name, T0 + 6)
    assert node.state_at(T0 + 6) is SeriesState.STABLE


def test_an_association_that_is_never_closed_cannot_hold_a_series_back(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0, close=False)
    assert node.state_at(T0 + LONG) is SeriesState.STABLE


def test_an_instance_from_the_future_came_before_the_clock_was_set_back(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0 + 3600)
    assert node.state_at(T0) is SeriesState.RECEIVING
    assert node.state_at(T0 + SHORT - 0.1) is SeriesState.RECEIVING
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE


def test_the_last_instance_counts_though_an_earlier_one_has_a_later_time(node: Node) -> None:
    first, *rest = single_frames(SMALL)
    node.arrivals.bring([first], at=T0 + 3600)
    node.arrivals.bring(rest, at=T0)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE


def test_a_gap_waits_for_the_long_quiet_time(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20] + slices[21:], at=T0)
    assert node.state_at(T0 + LONG - 0.1) is SeriesState.RECEIVING
    assert node.state_at(T0 + LONG) is SeriesState.STABLE


def test_the_slice_that_fills_the_gap_ends_the_wait(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20] + slices[21:], at=T0)
    assert node.state_at(T0 + 1) is SeriesState.RECEIVING
    node.arrivals.bring(slices[20:21], at=T0 + 2)
    assert node.state_at(T0 + 2 + SHORT) is SeriesState.STABLE
    assert [case.revision for case in node.cases.in_state()] == [1]


def test_a_source_that_opens_an_association_for_each_instance_is_waited_for(node: Node) -> None:
    slices = single_frames(SMALL)
    for n, ds in enumerate(slices):
        node.arrivals.bring([ds], at=T0 + 0.01 * n)
    last = T0 + 0.01 * (len(slices) - 1)
    assert node.state_at(last + 5) is SeriesState.RECEIVING
    assert node.state_at(last + LONG) is SeriesState.STABLE


def test_one_multi_frame_instance_is_a_series(node: Node) -> None:
    node.arrivals.bring([multi_frame(SMALL)], at=T0)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE


def test_a_late_instance_opens_a_revision_that_names_its_predecessor(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:-1], at=T0)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE
    node.arrivals.bring(slices[-1:], at=T0 + 10)
    node.state_at(T0 + 10 + SHORT)
    first, second = node.cases.in_state()
    assert (second.revision, second.predecessor, second.state) == (2, first.id, SeriesState.STABLE)
    assert (first.n_instances, second.n_instances) == (39, 40)
    assert first.instances_digest != second.instances_digest


def test_a_sweep_that_died_before_its_cursor_moved_repeats_itself_without_effect(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    node.state_at(T0 + SHORT)
    before = node.cases.in_state()
    node.cases._writer.rows("UPDATE cursor SET rowid_taken = 0 RETURNING 1")
    node.state_at(T0 + 100)
    assert node.cases.in_state() == before


def test_timers_outlive_the_worker(node: Node, tmp_path: Path) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20] + slices[21:], at=T0)
    node.state_at(T0 + 1)
    assert [case.due_at for case in node.cases.in_state()] == [T0 + LONG]


def test_series_do_not_wait_for_one_another(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    unfinished = single_frames(SMALL)
    node.arrivals.bring(unfinished[:5], at=T0, close=False)
    node.state_at(T0 + SHORT)
    states = {case.series_uid: case.state for case in node.cases.in_state()}
    assert states[str(unfinished[0].SeriesInstanceUID)] is SeriesState.RECEIVING
    assert sorted(states.values()) == [SeriesState.RECEIVING, SeriesState.STABLE]


def test_a_place_beyond_all_numbers_holds_no_series_back(node: Node) -> None:
    odd, sound = single_frames(StackPlan(rows=4, columns=4, spacing=0.5)), single_frames(SMALL)
    odd[-1].ImagePositionPatient = ["0", "0", "1.79769313486e308"]
    node.arrivals.bring(odd, at=T0)
    node.arrivals.bring(sound, at=T0)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE
    node.state_at(T0 + LONG)
    assert {case.state for case in node.cases.in_state()} == {SeriesState.STABLE}


def test_a_series_that_cannot_be_judged_waits_and_holds_no_other_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(instances: Sequence[InstanceGeometry]) -> bool:
        if len(instances) == 39:
            raise ArithmeticError
        return geometry_complete(instances)

    monkeypatch.setattr(intake, "geometry_complete", judge)
    node.arrivals.bring(single_frames(SMALL)[:-1], at=T0)
    node.arrivals.bring(single_frames(SMALL), at=T0)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE
    assert node.cases.in_state()[0].state is SeriesState.RECEIVING
    node.state_at(T0 + LONG)
    assert node.cases.in_state()[0].state is SeriesState.STABLE


def test_the_digest_knows_instances_and_bytes_and_no_order(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL)[:3], at=T0)
    rows = node.inbox.instances_after(0)
    digest = instances_digest(rows)
    assert digest == instances_digest(rows[::-1])
    assert digest != instances_digest(rows[:2])
    assert digest != instances_digest([replace(rows[0], sha256="0" * 64), *rows[1:]])


def counted(node: Node, instances: int | None, asked_at: float) -> None:
    """The answer of the source, as an enquirer records it."""
    series = node.cases.in_state()[-1].series_uid
    node.cases.record_count(series, instances, "counted" if instances else "no_answer", asked_at)


def test_the_sources_count_ends_the_wait_that_geometry_cannot(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20] + slices[21:], at=T0, close=False)  # a gap, and more could come
    node.state_at(T0)
    counted(node, 39, T0)
    assert node.state_at(T0 + 0.4) is SeriesState.RECEIVING
    counted(node, 39, T0 + 0.6)
    assert node.state_at(T0 + 0.6) is SeriesState.STABLE
    assert node.cases.in_state()[-1].completed_by == "count"


def test_a_whole_stack_is_stable_at_the_first_count_that_is_reached(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    node.state_at(T0)
    counted(node, 40, T0 + 0.05)
    assert node.state_at(T0 + 0.05) is SeriesState.STABLE


def test_a_whole_stack_waits_for_what_the_source_still_holds(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:39], at=T0)
    node.state_at(T0)
    counted(node, 40, T0)
    assert node.state_at(T0 + LONG - 0.1) is SeriesState.RECEIVING
    node.arrivals.bring(slices[39:], at=T0 + 20)
    node.state_at(T0 + 20)
    counted(node, 40, T0 + 20.1)
    assert node.state_at(T0 + 20.1) is SeriesState.STABLE
    assert [case.revision for case in node.cases.in_state()] == [1]


def test_instances_that_never_come_are_not_waited_for_for_ever(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    node.state_at(T0)
    counted(node, 10**9, T0)
    assert node.state_at(T0 + LONG) is SeriesState.STABLE
    assert node.cases.in_state()[-1].completed_by == "quiet"


def test_what_the_source_still_holds_is_given_the_whole_time_even_to_a_quick_sender(node: Node) -> None:
    for n in range(5):
        gap_series(node, T0 + 100 * n)
        node.state_at(T0 + 100 * n + LONG)
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20], at=T0 + 1000, close=False)
    node.state_at(T0 + 1000)
    counted(node, 40, T0 + 1000)
    assert node.state_at(T0 + 1000 + LONG - 0.1) is SeriesState.RECEIVING


def test_a_source_that_falls_silent_leaves_it_to_the_geometry(node: Node) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0)
    node.state_at(T0)
    counted(node, 41, T0)
    counted(node, None, T0 + 0.4)
    assert node.state_at(T0 + SHORT) is SeriesState.STABLE
    assert node.cases.in_state()[-1].completed_by == "geometry"


def test_a_count_that_was_too_small_opens_a_revision_with_the_late_instance(node: Node) -> None:
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:-1], at=T0)
    node.state_at(T0)
    counted(node, 39, T0 + 0.1)
    assert node.state_at(T0 + 0.1) is SeriesState.STABLE
    node.arrivals.bring(slices[-1:], at=T0 + 10)
    assert node.state_at(T0 + 10.1) is SeriesState.RECEIVING  # the count is from before it came
    counted(node, 40, T0 + 10.2)
    node.state_at(T0 + 10.2)
    first, second = node.cases.in_state()
    assert (second.revision, second.predecessor, second.state) == (2, first.id, SeriesState.STABLE)
    assert (first.completed_by, second.completed_by) == ("count", "count")


def test_answers_outlive_the_worker(node: Node, tmp_path: Path) -> None:
    node.arrivals.bring(single_frames(SMALL), at=T0, close=False)
    node.state_at(T0)
    counted(node, 40, T0)
    node.cases.close()
    node.cases = Cases(settings_in(tmp_path).ledger_path, clock=lambda: node.now)
    quiet = CompletionSettings(short_quiet_s=SHORT, long_quiet_s=LONG)
    node.intake = Intake(node.inbox, node.cases, quiet, clock=lambda: node.now)
    counted(node, 40, T0 + 1)
    assert node.state_at(T0 + 1) is SeriesState.STABLE


def gap_series(node: Node, at: float, pause: float = 0.0) -> None:
    """A series that geometry cannot end, with a pause before its last instance."""
    slices = single_frames(SMALL)
    node.arrivals.bring([*slices[:20], *slices[21:-1]], at=at)
    node.arrivals.bring(slices[-1:], at=at + pause)


def test_a_quick_senders_series_waits_less_and_a_slow_ones_is_not_cut(node: Node) -> None:
    for n in range(5):
        gap_series(node, T0 + 100 * n)
        assert node.state_at(T0 + 100 * n + LONG - 1) is SeriesState.RECEIVING
        assert node.state_at(T0 + 100 * n + LONG) is SeriesState.STABLE
    gap_series(node, T0 + 1000)
    assert node.state_at(T0 + 1002.9) is SeriesState.RECEIVING
    assert node.state_at(T0 + 1003) is SeriesState.STABLE
    gap_series(node, T0 + 2000, pause=2.5)  # within the wait that was learned
    assert node.state_at(T0 + 2002.5 + 3) is SeriesState.STABLE
    gap_series(node, T0 + 3000)
    assert node.state_at(T0 + 3007.4) is SeriesState.RECEIVING
    assert node.state_at(T0 + 3007.5) is SeriesState.STABLE


def test_an_instance_that_was_cut_off_is_learned_from(node: Node) -> None:
    for n in range(5):
        gap_series(node, T0 + 100 * n)
        node.state_at(T0 + 100 * n + LONG)
    slices = single_frames(SMALL)
    node.arrivals.bring(slices[:20] + slices[21:-1], at=T0 + 1000)
    assert node.state_at(T0 + 1003) is SeriesState.STABLE
    node.arrivals.bring(slices[-1:], at=T0 + 1008)
    node.state_at(T0 + 1008 + LONG)
    assert node.cases.in_state()[-1].revision == 2
    gap_series(node, T0 + 2000)
    assert node.state_at(T0 + 2023.9) is SeriesState.RECEIVING
    assert node.state_at(T0 + 2024) is SeriesState.STABLE
