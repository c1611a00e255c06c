"""The real processes, killed and started again: nothing acknowledged is missing, there is one set."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.site import CLI, ROOT, Pacs, Sender, Site, held_by, send, until
from tests.fixtures.ct_series import StackPlan, single_frames

PLAN = StackPlan(rows=8, columns=8)
MakeSite = Callable[..., tuple[Site, Pacs]]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    made: list[Site | Pacs] = []

    def make(
        before_answer: Callable[[int], object] = lambda count: None,
        objects: Sequence[str] = ("volume", "picture"),
    ) -> tuple[Site, Pacs]:
        pacs = Pacs(before_answer)
        site = Site(tmp_path, pacs.port, objects=objects)
        made.extend((site, pacs))
        return site, pacs

    yield make
    for each in made:
        each.close()


def assert_one_set(site: Site, pacs: Pacs) -> None:
    case = site.wait_for_state("delivered")
    assert len(site.cases()) == 1
    made = {each["sop_instance_uid"] for each in case["deliveries"]}
    assert set(pacs.stored) == made
    assert sorted(len(uids) for uids in pacs.by_series.values()) == [1, 90]


def test_the_worker_killed_in_the_middle_of_an_analysis(make_site: MakeSite) -> None:
    site, pacs = make_site()
    site.start_receiver()
    site.start_worker(analysis_seconds=600)
    send(site.port, single_frames(PLAN))
    until(lambda: any(case["running"] and case["state"] == "accepted" for case in site.cases()), "analysing")
    site.kill("work")
    assert not pacs.stored
    site.start_worker()
    assert_one_set(site, pacs)
    assert set(pacs.stored.values()) == {1}


def test_the_worker_killed_in_the_middle_of_a_delivery(make_site: MakeSite) -> None:
    killed = threading.Event()
    site, pacs = make_site(lambda count: killed.wait(60) if count >= 20 else None)
    site.start_receiver()
    site.start_worker()
    send(site.port, single_frames(PLAN))
    until(lambda: pacs.stored.total() >= 20, "delivering")
    site.kill("work")
    killed.set()
    assert pacs.stored.total() < 91
    site.start_worker()
    assert_one_set(site, pacs)
    # At least once, and again at most what was on its way when the worker died.
    assert sum(count - 1 for count in pacs.stored.values()) <= 1


def test_the_receiver_killed_in_the_middle_of_a_transfer(make_site: MakeSite) -> None:
    site, pacs = make_site()
    slices = single_frames(PLAN)
    site.start_receiver()
    site.start_worker()
    sender = Sender(site.port, slices)
    sender.start()
    until(lambda: len(sender.acknowledged) >= 10, "sending", 30.0)
    site.kill("receive")
    sender.join(30)
    assert 10 <= len(sender.acknowledged) < len(slices)
    site.start_receiver()
    assert set(sender.acknowledged) <= held_by(site, slices)
    assert len(send(site.port, slices)) == len(slices)
    assert_one_set(site, pacs)


def test_the_same_series_again_is_not_analysed_again(make_site: MakeSite) -> None:
    site, pacs = make_site()
    slices = single_frames(PLAN)
    site.start_receiver()
    site.start_worker()
    send(site.port, slices)
    assert_one_set(site, pacs)
    since = site.log.stat().st_size
    assert len(send(site.port, slices)) == len(slices)
    site.stop("work")
    site.start_worker()  # nor after a restart
    until(lambda: site.events("association.closed", since), "the second association ended")
    time.sleep(1.0)  # several sweeps and their short quiet times: nothing may come of them
    assert_one_set(site, pacs)
    assert set(pacs.stored.values()) == {1}


def test_a_late_slice_gives_a_second_set_and_keeps_the_first(make_site: MakeSite) -> None:
    site, pacs = make_site(objects=["report"])
    slices = single_frames(PLAN)
    site.start_receiver()
    site.start_worker()
    send(site.port, slices[:-1])
    first = site.wait_for_state("delivered")
    send(site.port, slices[-1:])
    second = site.wait_for_state("delivered", revision=2)
    assert second["predecessor"] == first["id"]
    assert len(pacs.stored) == 2
    assert set(pacs.stored.values()) == {1}


def test_a_stop_drains(make_site: MakeSite) -> None:
    site, pacs = make_site()
    site.start_receiver()
    site.start_worker(analysis_seconds=2)
    send(site.port, single_frames(PLAN))
    until(lambda: any(case["running"] and case["state"] == "accepted" for case in site.cases()), "analysing")
    assert site.stop("work") == 0
    assert [(case["state"], case["running"]) for case in site.cases()] == [("analysed", False)]
    assert site.stop("receive") == 0
    assert not pacs.stored


def test_serve_ends_with_either_of_its_processes(make_site: MakeSite, tmp_path: Path) -> None:
    """Without a bundle the worker ends at once, and with it the receiver and the command."""
    site, _ = make_site()
    text = site.config.read_text()
    site.config.write_text(text + '\n[analysis]\nbundle = "nowhere"\n')
    command = [*CLI, "serve", "--config", str(site.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert '"action": "process.died"' in done.stderr
    assert "is no bundle" in done.stderr


def test_a_series_that_crashes_the_worker_ends_as_failed_and_the_others_are_served(
    make_site: MakeSite,
) -> None:
    """Attempts are counted before they begin; meanwhile the receiver goes on."""
    site, pacs = make_site(objects=["report"])
    site.start_poisoned(slices=41)
    poison, good = single_frames(StackPlan(rows=8, columns=8, slices=41)), single_frames(PLAN)
    assert len(send(site.port, poison)) == len(poison)
    until(lambda: site.events("process.died"), "the first crash")
    assert len(send(site.port, good)) == len(good)
    ended = {str(ds[0].SeriesInstanceUID): state for ds, state in ((poison, "failed"), (good, "delivered"))}

    def states() -> bool:
        return {case["series_uid"]: case["state"] for case in site.cases()} == ended

    until(states, "both ended", 120.0)
    assert {case["code"] for case in site.cases()} == {None, "worker_died"}
    assert [event["exit_code"] for event in site.events("process.died")] == [-signal.SIGABRT] * 3
    assert len(pacs.stored) == 1


def test_a_second_worker_is_kept_off_the_ledger(make_site: MakeSite) -> None:
    site, _ = make_site()
    site.start_receiver()
    site.start_worker()
    command = [*CLI[:-1], "tests.acceptance.fake_worker", str(site.config), "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode not in (0, -signal.SIGTERM)
    assert "Another process writes" in done.stderr
