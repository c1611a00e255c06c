"""The systemd units are well formed, hardened, and start commands that exist."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RequireTool

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("ctsma-node-receive.service", "ctsma-node-work.service", "ctsma-node-web.service")
EXPOSURE = [
    ("ctsma-node-receive.service", None, 1.1),
    ("ctsma-node-receive.service", "low-port.conf", 1.1),
    ("ctsma-node-work.service", None, 1.2),
    ("ctsma-node-work.service", "gpu.conf", 1.5),
    ("ctsma-node-web.service", None, 1.1),
]
"""The highest `systemd-analyze security` score of each unit, alone and with a drop-in; out of 10."""


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


@pytest.mark.parametrize(("unit", "drop_in", "most"), EXPOSURE)
def test_exposure_stays_low(
    unit: str, drop_in: str | None, most: float, require_tool: RequireTool, tmp_path: Path
) -> None:
    analyze = require_tool("systemd-analyze")
    parts = [DEPLOY / unit, *([DEPLOY / "drop-ins" / drop_in] if drop_in else [])]
    (tmp_path / unit).write_text("\n".join(part.read_text(encoding="utf-8") for part in parts))
    command = [str(analyze), "security", "--offline=yes", "--no-pager", str(tmp_path / unit)]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    score = float(report.rpartition("exposure level for")[2].split(":")[1].split()[0])
    assert score <= most


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_writes_its_state_alone_and_takes_no_more_than_its_share(unit: str) -> None:
    service = read(unit)["Service"]
    assert service["ProtectSystem"] == "strict"
    assert "ReadWritePaths" not in service
    assert service["StateDirectory"] == "ctsma-node"
    assert {"MemoryMax", "TasksMax", "TimeoutStopSec"} <= set(service)
    assert service["Restart"] == "always"
    assert service["ExecReload"] == "/bin/sh -c 'kill -HUP $MAINPID'"


def test_the_worker_is_watched() -> None:
    service = read("ctsma-node-work.service")["Service"]
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "60s")


def test_only_the_worker_may_write_code_at_run_time() -> None:
    """torch's CPU convolutions fail under MemoryDenyWriteExecute."""
    denies = {unit: "MemoryDenyWriteExecute" in read(unit)["Service"] for unit in UNITS}
    assert denies == {unit: unit != "ctsma-node-work.service" for unit in UNITS}
