"""A step's process: its exit code, its log, and what watches it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.acceptance.site import until
from trainer.reproduce.process import last_line, run_process
from trainer.reproduce.step import Step


class Python(Step):
    """Runs its only argument."""

    @property
    def process(self) -> tuple[str, ...]:
        return (sys.executable, "-S", "-c", self.argv[0])


def test_lines_go_to_the_log_and_to_the_watcher(tmp_path: Path) -> None:
    code = "import os, sys; print('é 1'); print(os.environ['SET'], file=sys.stderr); sys.exit(3)"
    heard: list[str] = []
    step = Python("x", "", (code,), (), environment=(("SET", "2"),))
    assert run_process(step, tmp_path / "log", heard.append) == 3
    assert heard == ["é 1", "2"]
    command, *lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert command.startswith("$ SET=2 ctsma-train")
    assert lines == heard


def test_a_process_ends_with_whoever_watches_it(tmp_path: Path) -> None:
    """And so do those that it started."""
    numbers: list[int] = []

    def stop(line: str) -> None:
        numbers.extend(map(int, line.split()))
        raise KeyboardInterrupt

    code = (
        "import os, subprocess, sys, time\n"
        "sleep = [sys.executable, '-S', '-c', 'import time; time.sleep(600)']\n"
        "print(os.getpid(), subprocess.Popen(sleep).pid, flush=True); time.sleep(600)"
    )
    with pytest.raises(KeyboardInterrupt):
        run_process(Python("x", "", (code,), ()), tmp_path / "log", stop)
    assert len(numbers) == 2
    until(lambda: not any(map(is_running, numbers)), "the end of both")


def is_running(number: int) -> bool:
    """One that has ended and that nobody has asked after (a zombie) is not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_last_line_is_no_border() -> None:
    assert last_line(["8 pairs in x ", "┗━━┛", ""]) == "8 pairs in x"
    assert last_line([]) == ""
