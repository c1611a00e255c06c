"""The short form of the disk that runs full."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import missing
from tests.torture import disk, full_disk
from tests.torture.run import short


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    if lacking := disk.lacking():
        missing(lacking)
    tally = short(full_disk, tmp_path)
    assert tally.faults == []
    assert tally.counts["answered A700"] > 0
    assert tally.counts["series delivered"] == 2 * full_disk.SHORT
