"""Several processes by torchrun train one system, and go on exactly where they were stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tests.unit.trainer.synthesis.distributed as script

ROOT = Path(__file__).parents[4]


def test_two_processes_keep_the_same_weights_and_resume_exactly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [*command, "-m", script.__name__, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "said").read_text() == "2 processes, alike"
