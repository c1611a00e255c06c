"""The short form; `python -m tests.torture pacs` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctsma_node.records import DeliveryState
from tests.fixtures.lying_archive import LyingArchive
from tests.fixtures.proving_node import Clock, pacs
from tests.fixtures.reported_case import UIDS, ReportedCase
from tests.torture import pacs as suite
from tests.torture.run import short


def test_what_counts_as_delivered_is_held_whatever_the_archive_does(tmp_path: Path) -> None:
    tally = short(suite, tmp_path)
    assert tally.faults == []
    assert tally.counts["sets"] == suite.SHORT


@pytest.mark.parametrize("lie", ["answers another", "answers as C-ECHO", "answers twice", "no status"])
def test_a_success_that_is_no_answer_to_the_request_delivers_nothing(lie: str, tmp_path: Path) -> None:
    archive = LyingArchive(iter([lie, "refuses", "refuses", "refuses"]))
    site = ReportedCase(tmp_path, pacs(archive.ae_title, archive.port, "status"), clock=Clock())
    try:
        site.deliver()
        rows = site.cases.deliveries(site.case)
    finally:
        site.cases.close()
        archive.close()
    delivered = [each.sop_instance_uid for each in rows if each.state is DeliveryState.DELIVERED]
    assert delivered == ([UIDS[0]] if lie == "answers twice" else [])
