"""The receiver says that it lives, and what it has answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ctsma_node.heartbeat import Heartbeat, last_heartbeat
from ctsma_node.receive.server import Receiver
from ctsma_node.receive.tally import Tally
from tests.fixtures.encoded import changed, ct_slice
from tests.integration.test_receive import Running, settings_in, until, with_meta
from tests.integration.test_receive import start as start  # the fixture


def said(running: Running) -> Heartbeat:
    beat = last_heartbeat(running.settings.heartbeat_path("receive"))
    assert beat is not None
    return beat


def test_what_was_answered_is_counted(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctsma_node.receive.server.BEAT_S", 0.0)
    node = start()
    assoc = node.associate()
    good = with_meta(ct_slice())
    for ds in (good, good):
        assert assoc.send_c_store(ds).Status == 0
    other = with_meta(changed(ct_slice(), InstanceNumber=77))
    assert assoc.send_c_store(other).Status == 0
    assoc.release()
    assert node.associate(calling="NOBODY").is_rejected
    expected = {
        "answered stored": 1,
        "answered sent_again": 1,
        "answered same_uid_other_bytes": 1,
        "rejected 1/1/3": 1,
    }
    until(lambda: said(node).counts == expected)
    assert time.time() - said(node).alive["answers"] < 5


def test_a_receiver_that_was_stopped_leaves_no_sign_of_life(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    receiver = Receiver(settings)
    receiver.start()
    until(lambda: last_heartbeat(settings.heartbeat_path("receive")) is not None)
    receiver.stop()
    assert last_heartbeat(settings.heartbeat_path("receive")) is None


def test_the_oldest_answer_at_work_is_told() -> None:
    tally = Tally()
    assert tally.oldest() is None
    with tally.answering(5.0), tally.answering(3.0):
        assert tally.oldest() == 3.0
    assert tally.oldest() is None
