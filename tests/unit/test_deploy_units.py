"""The systemd units are well formed, hardened, and start commands that exist."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RequireTool

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("ctsma-node-receive.service", "ctsma-node-work.service", "ctsma-node-web.service")
EXPOSURE = {"ctsma-node-receive.service": 1.1, "ctsma-node-work.service": 1.2, "ctsma-node-web.service": 1.1}
"""The highest score of `systemd-analyze security` that each unit may have, out of 10."""


def read(unit: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / unit, encoding="utf-8")
    return parser


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_fault(unit: str, require_tool: RequireTool, tmp_path: Path) -> None:
    analyze = require_tool("systemd-analyze")
    command = read(unit)["Service"]["ExecStart"]
    text = (DEPLOY / unit).read_text(encoding="utf-8").replace(command, "/bin/true")
    (tmp_path / unit).write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", tmp_path / unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_exposure_stays_low(unit: str, require_tool: RequireTool) -> None:
    analyze = require_tool("systemd-analyze")
    command = [str(analyze), "security", "--offline=yes", "--no-pager", str(DEPLOY / unit)]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    score = float(report.rpartition("exposure level for")[2].split(":")[1].split()[0])
    assert score <= EXPOSURE[unit]


def test_only_the_worker_may_write_code_at_run_time() -> None:
    """torch's CPU convolutions fail under MemoryDenyWriteExecute."""
    denies = {unit: "MemoryDenyWriteExecute" in read(unit)["Service"] for unit in UNITS}
    assert denies == {unit: unit != "ctsma-node-work.service" for unit in UNITS}
