"""`make clean` leaves what took hours, or cannot be made again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_clean_keeps_what_the_trainer_made(tmp_path: Path) -> None:
    """The trainer writes into build/ by default; without the key no pseudonym can be made again."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = tmp_path / "build" / "cohort" / "pseudonym.key"
    for each in (kept, tmp_path / "build" / "lib" / "old.py", tmp_path / "build" / "bdist.linux" / "old"):
        each.parent.mkdir(parents=True)
        each.write_text("")
    subprocess.run(["make", "-C", str(tmp_path), "clean"], check=True, capture_output=True, timeout=60)
    assert kept.exists()
    assert [each.name for each in (tmp_path / "build").iterdir()] == ["cohort"]
