"""The short form; `python -m tests.torture datasets` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import datasets
from tests.torture.run import short


@pytest.mark.filterwarnings("ignore")
def test_nothing_but_coded_refusals_comes_of_a_mutant(tmp_path: Path) -> None:
    tally = short(datasets, tmp_path)
    assert tally.faults == []
    assert tally.counts["read by the receiver"] == datasets.SHORT
    for outcome in ("receiver: taken", "receiver: unreadable_dataset", "worker: taken", "report: taken"):
        assert tally.counts[outcome] > 0
