"""The short form; `python -m tests.torture pdus` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.torture import pdus
from tests.torture.run import short


def test_no_conversation_harms_the_receiver(tmp_path: Path) -> None:
    tally = short(pdus, tmp_path)
    assert tally.faults == []
    assert tally.counts["conversations"] == pdus.SHORT
    assert tally.counts["status 0000"] > 0
    assert tally.counts["status C001"] > 0
