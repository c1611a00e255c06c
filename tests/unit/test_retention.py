"""Only what has ended and is old goes; a purge that dies anywhere leaves no alarm, and nothing comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.cli.purge import _purge_inbox
from ctsma_node.config import Settings
from ctsma_node.errors import Refused
from ctsma_node.ledger.asked import AskedCases, state_when_requeued
from ctsma_node.ledger.figures import InboxFigures
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.ledger.sqlite import LedgerError, LedgerInUse
from ctsma_node.receive.purge import InboxPlan, InboxPurge
from ctsma_node.receive.recover import recover
from ctsma_node.receive.store import Store
from ctsma_node.records import PurgeableResult, Quarantined, SeriesState
from ctsma_node.releases import ReleaseFolder
from ctsma_node.spool import Spool
from ctsma_node.web.observe import Observer
from ctsma_node.web.views import case_page
from ctsma_node.worker.chain import Chain
from ctsma_node.worker.purge import OutboxPurge, plan
from tests.acceptance.stand_ins import FakeAnalyser
from tests.fixtures.node_state import DAY_S, PACS, NodeState, settings_in

OLD, NOW = 1000.0, 1000.0 + 40 * DAY_S
Make = Callable[..., NodeState]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[NodeState] = []

    def state(**retention: float) -> NodeState:
        made.append(NodeState(settings_in(tmp_path, **retention)))
        return made[-1]

    yield state
    for each in made:
        each.close()


def purge_spool(state: NodeState, now: float = NOW, spool: Spool | None = None) -> InboxPlan:
    inbox, quarantine = state.arrivals.inbox, Spool(state.settings.quarantine_dir)
    spool = spool or state.arrivals.spool
    store = Store(inbox, spool, quarantine, 0)
    return InboxPurge(state.settings, inbox, spool, quarantine, store, lambda: now).run()


def recovered(state: NodeState) -> tuple[int, int]:
    """What the receiver's next start adopts, and what it finds missing."""
    quarantine = Spool(state.settings.quarantine_dir)
    quarantine.prepare()
    found = recover(state.arrivals.inbox, state.arrivals.spool, quarantine)
    return len(found.unindexed), found.missing


def release(state: NodeState, case_id: int, now: float = NOW) -> list[int]:
    """Ask for it, and do as the receiver does; returns what waits still."""
    folder, inbox = ReleaseFolder(state.settings.releases_dir), state.arrivals.inbox
    folder.prepare()
    folder.post(case_id)
    spool, quarantine = state.arrivals.spool, Spool(state.settings.quarantine_dir)
    store = Store(inbox, spool, quarantine, 0)
    InboxPurge(state.settings, inbox, spool, quarantine, store, lambda: now).release(folder)
    return folder.waiting()


@pytest.mark.parametrize("end", [SeriesState.REFUSED, SeriesState.FAILED])
def test_a_series_that_ended_without_results_is_let_go_of_and_begins_anew(
    make: Make, end: SeriesState
) -> None:
    state = make()
    slices = state.bring()
    state.end(1, end, OLD)
    assert release(state, 1) == []
    assert (state.spooled(), recovered(state)) == ([], (0, 0))
    for ds in slices:
        ds.PatientID = "corrected under the same UIDs"
    state.arrivals.bring(slices[:2], at=NOW)
    assert len(state.spooled()) == 2
    assert state.arrivals.inbox.purged_count(str(slices[0].SeriesInstanceUID)) == 0


@pytest.mark.parametrize("case_id", [1, 2])
def test_what_has_results_or_is_no_case_is_not_let_go_of(make: Make, case_id: int) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    assert release(state, case_id) == []
    assert len(state.spooled()) == 3


def test_a_series_of_which_anything_is_coming_in_waits(make: Make) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.REFUSED, OLD)
    assert release(state, 1, now=0.0) == [1]
    assert len(state.spooled()) == 3


class Dies(Spool):
    """A spool whose process dies at its first removal."""

    def remove(self, relative: str) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("end", [SeriesState.DELIVERED, SeriesState.REFUSED])
def test_instances_of_a_case_that_ended_long_ago_go_and_their_rows_stay(make: Make, end: SeriesState) -> None:
    state = make()
    slices = state.bring()
    state.end(1, end, OLD)
    assert len(state.spooled()) == 3
    purge_spool(state)
    assert state.spooled() == []
    reader = InboxReader(state.settings.inbox_path)
    assert reader.purged_count(str(slices[0].SeriesInstanceUID)) == 3
    assert [row.purged_at for row in reader.instances_after(0)] == [NOW] * 3
    reader.close()
    assert recovered(state) == (0, 0)


def test_what_has_gone_counts_for_nothing_in_the_size_of_the_spool(make: Make) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    figures = InboxFigures(state.settings.inbox_path)
    assert figures.spool_bytes() > 0
    purge_spool(state)
    assert figures.spool_bytes() == 0


@pytest.mark.parametrize("end", [SeriesState.FAILED, SeriesState.REPORTED])
def test_nothing_of_a_case_that_failed_or_is_on_its_way_goes(make: Make, end: SeriesState) -> None:
    state = make()
    state.bring()
    state.end(1, end, OLD)
    assert purge_spool(state).series == ()
    assert len(state.spooled()) == 3


def test_a_case_that_ended_lately_keeps_its_instances(make: Make) -> None:
    state = make(instances_days=14)
    state.bring()
    state.end(1, SeriesState.REFUSED, NOW - 13 * DAY_S)
    assert purge_spool(state).series == ()
    assert len(purge_spool(state, NOW + 2 * DAY_S).series) == 1


def test_zero_days_keep_everything(make: Make) -> None:
    state = make(instances_days=0, results_days=0, quarantine_days=0)
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    assert purge_spool(state).series == ()
    assert OutboxPurge(state.settings, state.cases, lambda: NOW).run() == []


def test_a_series_whose_later_revision_is_open_keeps_its_instances(make: Make) -> None:
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    state.now = OLD + 1
    state.cases.upsert_series(
        str(slices[0].SeriesInstanceUID), str(slices[0].StudyInstanceUID), OLD + 1, 4, "SCANNER"
    )
    assert purge_spool(state).series == ()


def test_what_the_worker_has_not_taken_over_yet_is_not_old(make: Make) -> None:
    """The worker was off for weeks: its last word of the series is not the last word."""
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    late = slices[:1]
    late[0].SOPInstanceUID = "2.25.9"
    with state.cases._writer.transaction() as connection:
        connection.execute("UPDATE cursor SET rowid_taken = 3")
    state.arrivals.bring(late, OLD + 1)
    assert purge_spool(state).series == ()


def test_without_a_workers_file_nothing_goes(make: Make) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    state.cases.close()
    state.settings.ledger_path.unlink()
    assert purge_spool(state).series == ()


def test_a_purge_that_dies_between_mark_and_removal_is_ended_at_the_next_start(make: Make) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    with pytest.raises(KeyboardInterrupt):
        purge_spool(state, spool=Dies(state.settings.spool_dir))
    assert len(state.spooled()) == 3
    assert recovered(state) == (0, 0)
    assert state.spooled() == []


def test_a_purged_series_that_comes_again_is_a_series_again(make: Make) -> None:
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    purge_spool(state)
    state.arrivals.bring(slices, NOW)
    assert len(state.spooled()) == 3
    reader = InboxReader(state.settings.inbox_path)
    uid = str(slices[0].SeriesInstanceUID)
    assert (len(reader.instances(uid)), reader.purged_count(uid)) == (3, 0)
    reader.close()
    assert recovered(state) == (0, 0)


def test_an_instance_that_comes_again_while_it_is_purged_keeps_its_file(make: Make) -> None:
    """Marked, then sent again and acknowledged, then the purge comes to its file: it must stay."""
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    inbox = state.arrivals.inbox
    mark = inbox.mark_series_purged

    def mark_and_arrive(series_uid: str, before: float, cursor: int, at: float) -> list[str]:
        paths = mark(series_uid, before, cursor, at)
        state.arrivals.bring(slices[:1], NOW)
        return paths

    inbox.mark_series_purged = mark_and_arrive  # type: ignore[method-assign]
    purge_spool(state)
    assert len(state.spooled()) == 1
    assert recovered(state) == (0, 0)


def test_a_late_slice_of_a_purged_series_is_refused_with_what_to_do(make: Make) -> None:
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    purge_spool(state)
    slices[0].SOPInstanceUID = "2.25.9"
    state.arrivals.bring(slices[:1], NOW)
    case_id = state.take_over(slices[:1], NOW)
    state.cases.move(case_id, SeriesState.STABLE)
    inbox = InboxReader(state.settings.inbox_path)
    chain = Chain(state.settings, inbox, state.cases, FakeAnalyser())
    with pytest.raises(Refused, match="send the whole series again") as caught:
        chain.step(state.cases.get(case_id))
    assert caught.value.code == "purged"
    inbox.close()


def test_a_requeue_says_that_the_instances_are_gone(make: Make, tmp_path: Path) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.REFUSED, OLD)
    config = tmp_path / "node.toml"
    config.write_text('[node]\nstate_dir = "state"\n')
    purge_spool(state)
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["requeue", "1", "--config", str(config)])
    assert shown.exit_code == 1
    assert "[retention] has removed 3 of its instances: send the series again" in shown.output
    observer = Observer(state.settings)
    page = case_page(observer.ledger, observer.instances, state.settings.outbox_dir, 1, NOW)
    assert (page.requeued_to, page.purged) == (None, 3)


def test_results_go_when_every_destination_has_had_them_long_enough(make: Make) -> None:
    state = make(results_days=30)
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    purge = OutboxPurge(state.settings, state.cases, lambda: state.now)
    state.now = OLD + 29 * DAY_S
    assert purge.run() == []
    state.now = OLD + 31 * DAY_S
    assert len(purge.run()) == 1
    assert list(state.settings.outbox_dir.iterdir()) == []
    assert [each.path for each in state.cases.results(1)] == ["1/a.dcm"]
    assert purge.run() == []


def test_a_result_that_is_to_be_sent_again_since_the_plan_was_made_stays(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = make(results_days=30)
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    planned = plan

    def resent(settings: Settings, arrived: RetentionReader, now: float) -> list[PurgeableResult]:
        due = planned(settings, arrived, now)
        asked.resend(1, asked.events(1)[-1].id)
        return due

    state.cases.close()
    asked = AskedCases(state.settings.ledger_path, clock=lambda: NOW)
    monkeypatch.setattr("ctsma_node.worker.purge.plan", resent)
    assert OutboxPurge(state.settings, asked, lambda: NOW).run() == []
    assert not asked.purged_objects(1)
    assert (state.settings.outbox_dir / "1" / "a.dcm").exists()
    asked.close()


def reported(state: NodeState) -> int:
    """A case with one object, due for one destination; returns its delivery."""
    state.bring()
    case_id = state.cases.in_state()[-1].id
    state.end(case_id, SeriesState.REPORTED, OLD)
    state.cases.add_results(case_id, [state._result(case_id)])
    state.cases.add_deliveries(case_id, [PACS])
    return state.cases.deliveries(case_id)[0].id


def test_a_result_that_a_destination_never_takes_goes_with_the_others(make: Make) -> None:
    state = make(results_days=30)
    state.cases.delivery_rejected(reported(state), 0x0122, "SOP class not supported")
    state.cases.move(1, SeriesState.DELIVERED, code="partly_delivered", reason="in part")
    assert OutboxPurge(state.settings, state.cases, lambda: OLD + 29 * DAY_S).run() == []
    assert len(OutboxPurge(state.settings, state.cases, lambda: NOW).run()) == 1


@pytest.mark.parametrize("end", ["pending", "sent", "failed"])
def test_a_result_that_a_destination_may_still_take_stays(make: Make, end: str) -> None:
    state = make()
    delivery = reported(state)
    if end == "sent":
        state.cases.delivery_stored(delivery, 0, 1e9)
    if end == "failed":
        state.cases.delivery_failed(delivery, None, "The destination was away for too long.")
        state.cases.move(1, SeriesState.FAILED, code="not_delivered", reason="given up")
    assert OutboxPurge(state.settings, state.cases, lambda: NOW).run() == []


def test_what_a_person_let_go_of_goes_with_its_instances(make: Make) -> None:
    state = make()
    reported(state)
    state.cases.close()
    asked = AskedCases(state.settings.ledger_path, clock=lambda: OLD)
    asked.cancel(1)
    assert len(OutboxPurge(state.settings, asked, lambda: NOW).run()) == 1
    assert len(purge_spool(state).series) == 1
    reader = RetentionReader(state.settings.ledger_path)
    assert reader.settled_results() == []
    reader.close()
    assert state_when_requeued(asked, asked.get(1), 0) is None
    asked.close()


def test_what_has_arrived_makes_room_before_what_is_never_taken(make: Make) -> None:
    state = make()
    state.cases.delivery_rejected(reported(state), 0x0122, "SOP class not supported")
    state.cases.move(1, SeriesState.DELIVERED, code="partly_delivered", reason="in part")
    state.cases.delivery_done(reported(state))
    state.cases.move(2, SeriesState.DELIVERED)
    reader = RetentionReader(state.settings.ledger_path)
    assert [each.path for each in reader.settled_results()] == ["2/a.dcm", "1/a.dcm"]
    reader.close()


def test_a_requeue_sends_what_is_still_here(make: Make) -> None:
    state = make()
    state.cases.delivery_rejected(reported(state), 0x0122, "SOP class not supported")
    state.cases.move(1, SeriesState.DELIVERED, code="partly_delivered", reason="in part")
    assert state_when_requeued(state.cases, state.cases.get(1), 0) is SeriesState.REPORTED
    state.cases.mark_purged([1])
    assert state_when_requeued(state.cases, state.cases.get(1), 0) is None


def test_removing_results_that_died_is_ended_at_the_next_start(make: Make) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    state.cases.mark_purged([1])
    OutboxPurge(state.settings, state.cases).finish()
    assert list(state.settings.outbox_dir.iterdir()) == []


def test_quarantine_goes_by_its_own_days_and_the_same_bytes_may_come_again(make: Make) -> None:
    state = make(quarantine_days=30)
    quarantine = Spool(state.settings.quarantine_dir)
    quarantine.prepare()
    digest = "ab" * 32
    row = Quarantined(
        OLD, "invalid_uid", None, "SCANNER", "127.0.0.1", None, None, quarantine.relative(digest), 3, digest
    )
    for _ in range(2):
        quarantine.write(digest, [b"bad"])
        state.arrivals.inbox.add_quarantined(row)
        assert purge_spool(state, OLD + 29 * DAY_S).quarantined == ()
        assert len(purge_spool(state).quarantined) == 1
        assert list(quarantine.files()) == []
    assert recovered(state) == (0, 0)


def test_the_command_says_what_would_go_and_then_lets_it_go(make: Make, tmp_path: Path) -> None:
    state = make()
    slices = state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    config = tmp_path / "node.toml"
    config.write_text('[node]\nstate_dir = "state"\n')
    shown = CliRunner().invoke(app, ["purge", "--dry-run", "--config", str(config)])
    assert str(slices[0].SeriesInstanceUID) in shown.output
    assert "3 instances of 1 series" in shown.output
    assert len(state.spooled()) == 3
    state.close()
    assert CliRunner().invoke(app, ["purge", "--config", str(config)]).exit_code == 0
    assert state.spooled() == []
    assert list(state.settings.outbox_dir.iterdir()) == []


def test_beside_running_services_the_command_removes_nothing_and_says_so(make: Make, tmp_path: Path) -> None:
    state = make()
    state.bring()
    state.end(1, SeriesState.DELIVERED, OLD)
    config = tmp_path / "node.toml"
    config.write_text('[node]\nstate_dir = "state"\n')
    running = CliRunner().invoke(app, ["purge", "--config", str(config)])
    assert running.exit_code == 1
    for process, unit in (("receiver", "ctsma-node-receive"), ("worker", "ctsma-node-work")):
        assert f"The {process} runs: nothing" in running.output
        assert f"purge.held. To purge now, stop it first: systemctl stop {unit}" in running.output
    assert len(state.spooled()) == 3
    state.cases.close()
    assert "The outbox is purged." in CliRunner().invoke(app, ["purge", "--config", str(config)]).output


def test_a_ledger_of_a_later_version_is_not_taken_for_a_service_that_runs(make: Make, tmp_path: Path) -> None:
    state = make()
    state.bring()
    state.close()
    with closing(sqlite3.connect(state.settings.inbox_path)) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="another version") as caught:
        _purge_inbox(state.settings)
    assert not isinstance(caught.value, LedgerInUse)
