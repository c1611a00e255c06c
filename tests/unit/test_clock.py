"""A clock that was set is noticed, and what is done every so often does not go by it."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import apscheduler.schedulers.base
import pytest

from ctsma_node.clock import ClockWatch
from ctsma_node.rounds import Rounds

HOUR_S, DAY_S = 3600.0, 86400.0


class Clocks:
    """The one that is set, and the one that goes on."""

    def __init__(self) -> None:
        self.steady, self.ahead = 500.0, 1e9

    def watch_in(self, folder: Path) -> ClockWatch:
        """That of a process that starts; the last one has died."""
        return ClockWatch(folder / "clock.json", lambda: self.steady + self.ahead, lambda: self.steady)

    def pass_s(self, seconds: float) -> None:
        self.steady += seconds

    def set_by(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def watch(clocks: Clocks, tmp_path: Path) -> ClockWatch:
    return clocks.watch_in(tmp_path)


def test_a_step_is_told_once(clocks: Clocks, watch: ClockWatch) -> None:
    clocks.pass_s(DAY_S)
    assert watch.step_s() == 0.0
    clocks.set_by(-HOUR_S)
    assert watch.step_s() == -HOUR_S
    assert watch.step_s() == 0.0


def test_what_drifts_is_no_step_until_it_is_one(clocks: Clocks, watch: ClockWatch) -> None:
    clocks.set_by(1.5)
    assert watch.step_s() == 0.0
    clocks.set_by(1.5)
    assert watch.step_s() == 3.0


def test_files_do_not_go_by_a_clock_that_was_just_set_ahead(clocks: Clocks, watch: ClockWatch) -> None:
    clocks.set_by(-HOUR_S)
    watch.step_s()
    assert watch.is_trusted()
    clocks.set_by(DAY_S)
    watch.step_s()
    clocks.pass_s(DAY_S - 1)
    assert not watch.is_trusted()
    clocks.pass_s(1)
    assert watch.is_trusted()


def test_a_restart_ends_no_hold(clocks: Clocks, watch: ClockWatch, tmp_path: Path) -> None:
    clocks.set_by(365 * DAY_S)
    watch.step_s()
    clocks.pass_s(HOUR_S)
    again = clocks.watch_in(tmp_path)
    assert not again.is_trusted()
    clocks.pass_s(DAY_S - HOUR_S - 1)
    assert not clocks.watch_in(tmp_path).is_trusted()
    clocks.pass_s(1)
    assert again.is_trusted()
    again.step_s()
    assert clocks.watch_in(tmp_path).is_trusted()


def test_a_hold_lasts_a_day_also_where_the_clock_was_set_right_meanwhile(
    clocks: Clocks, watch: ClockWatch, tmp_path: Path
) -> None:
    clocks.set_by(365 * DAY_S)
    watch.step_s()
    clocks.set_by(-365 * DAY_S)
    again = clocks.watch_in(tmp_path)
    clocks.pass_s(DAY_S)
    assert again.is_trusted()
    again.step_s()
    assert clocks.watch_in(tmp_path).is_trusted()


def test_a_clock_that_was_set_while_nobody_looked_is_not_trusted(
    clocks: Clocks, watch: ClockWatch, tmp_path: Path
) -> None:
    """Nothing tells it from a node that was off for so long: a day more of its files harms nobody."""
    watch.step_s()
    clocks.pass_s(DAY_S - 1)
    assert clocks.watch_in(tmp_path).is_trusted()
    clocks.set_by(2)
    assert not clocks.watch_in(tmp_path).is_trusted()


def test_a_clock_that_was_set_back_while_nobody_looked_is_told(
    clocks: Clocks, watch: ClockWatch, tmp_path: Path
) -> None:
    watch.step_s()
    clocks.set_by(-HOUR_S)
    again = clocks.watch_in(tmp_path)
    assert again.step_s() == -HOUR_S
    assert again.step_s() == 0.0


def test_a_file_that_is_none_of_a_watch_tells_nothing(clocks: Clocks, tmp_path: Path) -> None:
    for text in ("", "null", "{}", '{"seen_at": "x", "held_until": null}'):
        (tmp_path / "clock.json").write_text(text)
        watch = clocks.watch_in(tmp_path)
        assert (watch.step_s(), watch.is_trusted()) == (0.0, True)


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
