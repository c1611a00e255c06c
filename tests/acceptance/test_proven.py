"""The real processes and a real Orthanc: what it commits to is delivered, whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import Site, send, until
from tests.conftest import RequireTool
from tests.fixtures.ct_series import StackPlan, single_frames
from tests.fixtures.orthanc import Archive

PLAN = StackPlan(rows=8, columns=8)


@pytest.fixture
def site_and_archive(require_tool: RequireTool, tmp_path: Path) -> Iterator[tuple[Site, Archive]]:
    archive = Archive(require_tool("Orthanc"), tmp_path / "orthanc")
    site = Site(tmp_path, archive.port, archive.ae_title, proof="commitment")
    archive.node_port = site.port
    archive.start()
    yield site, archive
    site.close()
    archive.stop()


def assert_one_set(site: Site, archive: Archive) -> None:
    case = site.wait_for_state("delivered")
    made = sorted(each["sop_instance_uid"] for each in case["deliveries"])
    assert len(made) == 91
    assert archive.instances() == made
    (destination,) = site.status()["destinations"]
    assert (destination["delivered"], destination["pending"], destination["sent"]) == (91, 0, 0)
    assert "committed" in destination["text"]


def test_the_report_comes_while_the_worker_is_dead(site_and_archive: tuple[Site, Archive]) -> None:
    site, archive = site_and_archive
    site.start_receiver()
    site.start_worker()
    send(site.port, single_frames(PLAN))
    site.wait_for_log("set.sent")
    site.kill("work")
    state = site.cases()[0]["state"]
    site.start_worker()
    assert_one_set(site, archive)
    assert state in ("reported", "delivered")


def test_the_receiver_is_dead_when_the_report_would_come(site_and_archive: tuple[Site, Archive]) -> None:
    """Orthanc does not repeat a report that nobody took: the node asks again when its time is over."""
    site, archive = site_and_archive
    text = site.config.read_text()
    site.config.write_text(text.replace("[delivery]", "[delivery]\nreport_s = 3.0\nlinger_s = 0.0"))
    site.start_receiver()
    site.start_worker(analysis_seconds=3.0)
    send(site.port, single_frames(PLAN))
    until(lambda: any(case["running"] and case["state"] == "accepted" for case in site.cases()), "analysing")
    site.kill("receive")
    until(lambda: site.status()["destinations"][0]["sent"] == 91, "everything is sent")
    assert site.cases()[0]["state"] == "reported"
    site.start_receiver()
    assert_one_set(site, archive)
    assert site.status()["cases"][0]["deliveries"][0]["attempts"] == 1


def test_an_archive_that_lost_results_gets_them_again(site_and_archive: tuple[Site, Archive]) -> None:
    site, archive = site_and_archive
    site.start_receiver()
    site.start_worker()
    send(site.port, single_frames(PLAN))
    assert_one_set(site, archive)
    lost = archive.instances()[::30]
    for each in lost:
        archive.forget(each)
    assert len(archive.instances()) == 91 - len(lost)
    assert site.run("resend", "1", "--to", "pacs") == "Case 1 is reported now.\n"
    assert_one_set(site, archive)
    assert site.events("case.ended")[-1]["case"] == 1


def test_a_paused_destination_gets_nothing_until_it_is_resumed(
    site_and_archive: tuple[Site, Archive],
) -> None:
    site, archive = site_and_archive
    site.start_receiver()
    site.start_worker()
    assert site.run("destination", "pause", "pacs") == "pacs is paused now.\n"
    site.kill("work")
    site.start_worker()  # it holds over a restart
    send(site.port, single_frames(PLAN))
    until(lambda: site.status()["destinations"][0]["pending"] == 91, "everything waits")
    assert archive.instances() == []
    assert site.status()["destinations"][0]["paused_since"] is not None
    site.run("destination", "resume", "pacs")
    assert_one_set(site, archive)
