"""A step as a process of its own: what it prints goes into its log, and on to whoever watches."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trainer.reproduce.step import Step

Say = Callable[[str], None]
"""Is told each line that a step prints."""
_WIDE = "132"
"""Columns of a log: tables of the evaluations fit."""


def run_process(step: Step, log: Path, say: Say) -> int:
    """Run a step in a process group of its own; returns its exit code. An earlier log of it is replaced."""
    surroundings = os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": _WIDE} | dict(step.environment)
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            step.process,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=surroundings,
            process_group=0,
        ) as process,
    ):
        file.write(f"$ {step.command}\n")
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                file.flush()
                say(line.rstrip())
        except BaseException:
            _end(process)
            raise
    return process.returncode


def _end(process: subprocess.Popen[str]) -> None:
    """End it with all that it started: its own processes would go on, and write where the next run writes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def last_line(lines: list[str]) -> str:
    """The last one that says something: no border of a table."""
    return next((line.strip() for line in reversed(lines) if any(c.isalnum() for c in line)), "")
