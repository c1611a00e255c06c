"""The real analysis, killed and started again: there is one set, and nothing acknowledged is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.acceptance.site import Pacs, Sender, Site, held_by, send, until

LOG_OF_STAGES = '\n[log]\nlevel = "debug"\n\n[analysis]\nthreads = 1\n'


@pytest.fixture(scope="module")
def slices(knee_series: list[Path]) -> list[Dataset]:
    return [dcmread(path) for path in knee_series]


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    pacs = Pacs()
    yield pacs
    pacs.close()


@pytest.fixture
def site(pacs: Pacs, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, pacs.port, more_settings=LOG_OF_STAGES)
    yield site
    site.close()


def assert_one_set(site: Site, pacs: Pacs) -> None:
    case = site.wait_for_state("delivered")
    assert len(site.cases()) == 1
    assert set(pacs.stored) == {each["sop_instance_uid"] for each in case["deliveries"]}
    assert sorted(len(uids) for uids in pacs.by_series.values()) == [1, 90]
    assert set(pacs.stored.values()) == {1}


def test_the_receiver_killed_while_it_receives_and_the_worker_while_it_analyses(
    site: Site, pacs: Pacs, slices: list[Dataset]
) -> None:
    site.start_receiver()
    site.start_real_worker()
    sender = Sender(site.port, slices)
    sender.start()
    until(lambda: len(sender.acknowledged) >= 10, "sending", 30.0)
    site.kill("receive")
    sender.join(30)
    assert 10 <= len(sender.acknowledged) < len(slices)

    site.start_receiver()
    assert set(sender.acknowledged) <= held_by(site, slices)
    assert len(send(site.port, slices)) == len(slices)
    until(lambda: "segment bones" in stages(site), "the networks run")
    site.kill("work")
    assert [(case["state"], case["running"]) for case in site.cases()] == [("accepted", True)]
    assert not pacs.stored

    site.start_real_worker()
    assert_one_set(site, pacs)
    assert stages(site).count("segment bones") == 2


def stages(site: Site) -> list[str]:
    """Of the analyses that were begun, in order."""
    return [str(event["stage"]) for event in site.events("analysis.stage")]
