"""Short forms: kills at random instants, and at every step of a store and of a recovery."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from tests.torture import kills, senders, steps, worker_steps
from tests.torture.run import LEFT_OUT, Tally, short
from tests.torture.traffic import SLICES


def done(suite: ModuleType, tally: Tally) -> int:
    """How many rounds of the short form a machine had the time for."""
    return int(suite.SHORT) - tally.counts[LEFT_OUT]


def test_nothing_acknowledged_is_lost_and_each_revision_has_one_set(tmp_path: Path) -> None:
    tally = short(kills, tmp_path)
    assert tally.faults == []
    assert sum(n for name, n in tally.counts.items() if name.startswith("kills: ")) == done(kills, tally)
    assert tally.counts["instances acknowledged"] > done(kills, tally)


def test_no_step_of_a_store_or_a_recovery_is_one_to_die_at(tmp_path: Path) -> None:
    tally = short(steps, tmp_path)
    assert tally.faults == []
    assert tally.counts["kills in a store"] > 30 or LEFT_OUT in tally.counts
    assert tally.counts["kills in a recovery"] > 15 or LEFT_OUT in tally.counts


def test_no_step_of_a_case_is_one_for_its_worker_to_die_at(tmp_path: Path) -> None:
    tally = short(worker_steps, tmp_path)
    assert tally.faults == []
    assert tally.counts["kills at a step"] > 30 or LEFT_OUT in tally.counts
    assert (tally.counts["ledgers lost"], tally.counts["workers killed by an analysis"]) == (1, 3)


@pytest.mark.parametrize("mutant", steps.CATCHES)
def test_a_wrong_receiver_is_caught(tmp_path: Path, mutant: str) -> None:
    assert short(steps, tmp_path, mutant).faults


def test_two_senders_at_once_are_kept_apart(tmp_path: Path) -> None:
    tally = short(senders, tmp_path)
    assert tally.faults == []
    with_others = tally.counts["pairs: other bytes at once"] + tally.counts["pairs: other bytes later"]
    assert tally.counts["others under their UIDs set aside"] == with_others * SLICES > 0


@pytest.mark.parametrize("mutant", senders.CATCHES)
def test_a_receiver_that_mixes_senders_up_is_caught(tmp_path: Path, mutant: str) -> None:
    assert short(senders, tmp_path, mutant).faults


@pytest.mark.parametrize("mutant", worker_steps.CATCHES)
def test_a_wrong_worker_is_caught(tmp_path: Path, mutant: str) -> None:
    assert short(worker_steps, tmp_path, mutant).faults
