"""Places for associations, rates of connections, alerts without end: all by address."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog.testing

from ctsma_node.audit import Recorder
from ctsma_node.config import Settings
from ctsma_node.config.settings import AuditSettings, LimitSettings, NodeSettings
from ctsma_node.receive.admission import Admission, plain
from ctsma_node.receive.alerts import Alerts
from ctsma_node.receive.door import Turns
from ctsma_node.receive.peers import LOCAL_LIMIT_EXCEEDED, TEMPORARY_CONGESTION


def test_an_address_has_its_own_limit_and_the_node_has_one() -> None:
    admission = Admission(LimitSettings(max_associations=3, max_per_address=2))
    assert [admission.enter("a") for _ in range(3)] == [None, None, LOCAL_LIMIT_EXCEEDED]
    assert [admission.enter("b") for _ in range(2)] == [None, TEMPORARY_CONGESTION]
    assert [admission.enter(host) for host in "cdef"] == [None, None, None, TEMPORARY_CONGESTION]
    admission.leave("a")
    assert admission.enter("a") == TEMPORARY_CONGESTION  # five are there, and one of them is its own
    for host in "bcde":
        admission.leave(host)
    assert admission.enter("a") is None


def test_a_burst_is_fine_and_a_storm_is_not() -> None:
    now = [0.0]
    admission = Admission(LimitSettings(max_new_per_s=2.0), lambda: now[0])
    assert [admission.connected("a") for _ in range(9)] == [None] * 8 + [TEMPORARY_CONGESTION]
    assert admission.connected("b") is None
    now[0] = 1.0
    assert [admission.connected("a") for _ in range(3)] == [None, None, TEMPORARY_CONGESTION]


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1")],
)
def test_an_address_is_counted_as_one(address: str, counted: str) -> None:
    assert plain(address) == counted


def test_of_many_alerts_only_the_number_is_told(tmp_path: Path) -> None:
    settings = Settings(node=NodeSettings(state_dir=tmp_path), audit=AuditSettings(enabled=False))
    now, counted = [0.0], list[str]()
    alerts = Alerts(Recorder(settings, "receive"), counted.append, lambda: now[0])
    with structlog.testing.capture_logs() as logs:
        for _ in range(50):
            alerts.refused("a", "not_dicom")
        alerts.refused("b", "not_dicom")
        now[0] = 61.0
        alerts.refused("a", "not_dicom")
    assert [each.get("count") for each in logs if each["address"] == "a"] == [None] * 10 + [40]
    assert sum(each["address"] == "b" for each in logs) == 1
    assert counted == ["refused not_dicom"] * 52


def test_a_loop_that_hangs_silences_the_others() -> None:
    rounds: list[None] = []
    turns = Turns(lambda: rounds.append(None))
    first, second = turns.join(), turns.join()
    for _ in range(5):
        first()
    assert rounds == []
    second()
    assert len(rounds) == 1
    first()
    assert len(rounds) == 1
