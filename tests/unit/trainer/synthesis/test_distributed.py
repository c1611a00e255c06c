"""Several processes by torchrun train one system, and go on exactly where they were stopped."""

from __future__ import annotations

from pathlib import Path

import tests.unit.trainer.synthesis.distributed as script
from tests.unit.trainer.torchrun import run_in_two_processes


def test_two_processes_keep_the_same_weights_and_resume_exactly(tmp_path: Path) -> None:
    run_in_two_processes(script, tmp_path)
    assert (tmp_path / "said").read_text() == "2 processes, alike"
