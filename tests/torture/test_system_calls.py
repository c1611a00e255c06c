"""The short form of the system calls that fail."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import RequireTool
from tests.torture import system_calls, worker_calls
from tests.torture.run import Run, short


def test_a_call_that_fails_costs_one_answer(tmp_path: Path, require_tool: RequireTool) -> None:
    require_tool("strace")
    tally = short(system_calls, tmp_path)
    assert tally.faults == []
    kinds = ("single failures", "lasting failures", "answered A700", "stored all the same")
    assert all(tally.counts[kind] for kind in kinds)


def test_a_call_of_a_worker_that_fails_costs_no_set(tmp_path: Path, require_tool: RequireTool) -> None:
    require_tool("strace")
    tally = short(worker_calls, tmp_path)
    assert tally.faults == []
    assert tally.counts["single failures"] + tally.counts["lasting failures"] > 0


def test_a_receiver_that_leaves_parts_is_caught(tmp_path: Path, require_tool: RequireTool) -> None:
    require_tool("strace")
    run = Run(system_calls.SHORT, 1, 120.0, tmp_path, "no_part_file")
    system_calls.torment(run)
    assert any(fault.startswith("left behind") for fault in run.tally.faults)
