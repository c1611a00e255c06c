"""The short form; `python -m tests.torture soak` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.torture import soak
from tests.torture.run import short


def test_nothing_grows_while_peers_hold_on(tmp_path: Path) -> None:
    tally = short(soak, tmp_path)
    assert tally.faults == []
    assert tally.counts["associations never released"] > 0
