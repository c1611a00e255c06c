"""The short form of the power cuts, and the wrong receivers that only a power cut can convict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import missing
from tests.torture import disk, power_cuts
from tests.torture.run import Run, short
from tests.torture.traffic import SLICES


@pytest.fixture(autouse=True)
def _a_disk() -> None:
    if lacking := disk.lacking():
        missing(lacking)


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    tally = short(power_cuts, tmp_path)
    assert tally.faults == []
    assert tally.counts["instances acknowledged"] == power_cuts.SHORT * SLICES
    assert tally.counts["series delivered"] == power_cuts.SHORT


@pytest.mark.parametrize("mutant", power_cuts.CATCHES)
def test_a_receiver_that_does_not_sync_is_caught(tmp_path: Path, mutant: str) -> None:
    run = Run(5, 1, 120.0, tmp_path, mutant)
    power_cuts.torment(run)
    assert run.tally.counts["acknowledged and lost"] + run.tally.counts["files that are not what was sent"]
