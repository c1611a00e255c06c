"""The short form of the clock that is set."""

from __future__ import annotations

from pathlib import Path

from tests.torture import clock_jumps
from tests.torture.run import short


def test_a_clock_that_is_set_holds_nothing_up(tmp_path: Path) -> None:
    tally = short(clock_jumps, tmp_path)
    assert tally.faults == []
    assert tally.counts["series delivered"] == clock_jumps.SHORT
