"""A clock that was set is noticed, and what is done every so often does not go by it."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, tzinfo

import apscheduler.schedulers.base
import pytest

from ctsma_node.clock import ClockWatch
from ctsma_node.rounds import Rounds

HOUR_S, DAY_S = 3600.0, 86400.0


class Clocks:
    """The one that is set, and the one that goes on."""

    def __init__(self) -> None:
        self.steady, self.ahead = 500.0, 1e9
        self.watch = ClockWatch(lambda: self.steady + self.ahead, lambda: self.steady)

    def pass_s(self, seconds: float) -> None:
        self.steady += seconds

    def set_by(self, seconds: float) -> None:
        self.ahead += seconds


def test_a_step_is_told_once() -> None:
    clocks = Clocks()
    clocks.pass_s(DAY_S)
    assert clocks.watch.step_s() == 0.0
    clocks.set_by(-HOUR_S)
    assert clocks.watch.step_s() == -HOUR_S
    assert clocks.watch.step_s() == 0.0


def test_what_drifts_is_no_step_until_it_is_one() -> None:
    clocks = Clocks()
    clocks.set_by(1.5)
    assert clocks.watch.step_s() == 0.0
    clocks.set_by(1.5)
    assert clocks.watch.step_s() == 3.0


def test_files_do_not_go_by_a_clock_that_was_just_set_ahead() -> None:
    clocks = Clocks()
    clocks.set_by(-HOUR_S)
    clocks.watch.step_s()
    assert clocks.watch.is_trusted()
    clocks.set_by(DAY_S)
    clocks.watch.step_s()
    clocks.pass_s(DAY_S - 1)
    assert not clocks.watch.is_trusted()
    clocks.pass_s(1)
    assert clocks.watch.is_trusted()


def test_a_round_goes_on_behind_an_error_and_can_be_hurried() -> None:
    turns, three = [0], threading.Event()

    def call() -> None:
        turns[0] += 1
        if turns[0] == 3:
            three.set()
        raise ValueError

    rounds = Rounds()
    rounds.add("test", call, 3600.0, at_once=True)
    rounds.start()
    while not three.wait(0.01):
        rounds.hurry("test")
    rounds.stop()
    assert turns[0] >= 3


class SetClock(datetime):
    """The clock that APScheduler reads."""

    step_s = 0.0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=cls.step_s)


@pytest.mark.parametrize("step_s", [-HOUR_S, DAY_S])
def test_rounds_keep_their_pace_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    turns = threading.Semaphore(0)
    real = time.time
    monkeypatch.setattr(SetClock, "step_s", 0.0)
    monkeypatch.setattr(time, "time", lambda: real() + SetClock.step_s)
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", SetClock)
    rounds = Rounds()
    rounds.add("test", turns.release, 0.05)
    rounds.start()
    assert turns.acquire(timeout=30)
    SetClock.step_s = step_s
    for _ in range(5):
        assert turns.acquire(timeout=30)
    rounds.stop()
