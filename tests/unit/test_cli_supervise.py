"""Two processes that live and end together, with small programs in their place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ctsma_node.cli.supervise import _are_few

ROOT = Path(__file__).parent.parent.parent

_SUPERVISOR = """
import sys
from ctsma_node.cli.supervise import supervise
program = [sys.executable, "-c"]
names = ("receive", "work", "web")
commands = {name: [*program, text] for name, text in zip(names, sys.argv[1:])}
sys.exit(supervise(commands, ("web",), ("work",)))
"""
_LASTING = """
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path({done!r}).touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path({ready!r}).touch()
time.sleep(60)
"""
_FAILING = "raise SystemExit(7)"


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Marks:
    """Files by which the small programs say that they run and that they ended well."""

    def __init__(self, folder: Path) -> None:
        self.ready, self.done = folder / "ready", folder / "done"

    @property
    def program(self) -> str:
        return _LASTING.format(ready=str(self.ready), done=str(self.done))


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(*programs: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _SUPERVISOR, *programs]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_and_waited_for(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks, tmp_path: Path, number: int
) -> None:
    (tmp_path / "other").mkdir()
    other = Marks(tmp_path / "other")
    process = start(marks.program, other.program)
    until(lambda: marks.ready.exists() and other.ready.exists())
    process.send_signal(number)
    assert process.wait(20) == 0
    assert marks.done.exists()
    assert other.done.exists()


def test_when_one_ends_the_other_is_stopped_and_the_exit_code_says_so(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks
) -> None:
    waits_for_the_other = (
        f"import os,time\nwhile not os.path.exists({str(marks.ready)!r}): time.sleep(0.01)\n"
    )
    process = start(marks.program, waits_for_the_other + _FAILING)
    assert process.wait(20) == 1
    assert marks.done.exists()


def test_nobody_is_left_behind_by_a_supervisor_that_is_killed(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks
) -> None:
    process = start(marks.program, "import time; time.sleep(60)")
    until(marks.ready.exists)
    os.kill(process.pid, signal.SIGKILL)
    until(marks.done.exists)


def test_the_page_may_end_and_the_others_go_on(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    page = f"import pathlib; pathlib.Path({str(gone)!r}).touch(); raise SystemExit(1)"
    process = start(marks.program, "import time; time.sleep(60)", page)
    until(lambda: marks.ready.exists() and gone.exists())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    assert not marks.done.exists()
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert marks.done.exists()


def test_all_of_them_are_told_to_read_their_settings_again(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    def program(name: str) -> str:
        mark = f"pathlib.Path({str(tmp_path)!r}, {name!r}"
        hears = f"signal.signal(signal.SIGHUP, lambda *_: {mark} + '-told').touch())"
        return f"import pathlib, signal, time\n{hears}\n{mark}).touch()\ntime.sleep(60)"

    names = ("receive", "work", "web")
    process = start(*(program(name) for name in names))
    until(lambda: all((tmp_path / name).exists() for name in names))
    process.send_signal(signal.SIGHUP)
    until(lambda: all((tmp_path / f"{name}-told").exists() for name in names))


def test_a_reload_that_comes_early_ends_nobody(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks
) -> None:
    """The programs do not hear of SIGHUP yet; its default would end them."""
    process = start(marks.program, "import time; time.sleep(60)")
    until(marks.ready.exists)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert marks.done.exists()


_EARLY = """
import os, signal, sys
from ctsma_node.cli import app, services
read, done = services.settings_from, []
def settings_from(config):
    found = read(config)
    if not done:
        done.append(os.kill(os.getpid(), signal.SIGHUP))
    return found
services.settings_from = settings_from
app(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["receive", "web"])
def test_a_reload_that_comes_while_a_service_starts_is_heard_when_it_runs(
    command: str, tmp_path: Path
) -> None:
    config, said = tmp_path / "node.toml", tmp_path / "log"
    config.write_text('[node]\nstate_dir = "state"\nport = 0\n[web]\nport = 0\n')
    arguments = [sys.executable, "-c", _EARLY, command, "--config", str(config)]
    with said.open("wb") as file:
        process = subprocess.Popen(arguments, cwd=ROOT, stderr=file)
    try:
        until(lambda: "settings.reloaded" in said.read_text() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_crashes_is_started_again_and_the_receiver_goes_on(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other, crashed = Marks(tmp_path / "other"), tmp_path / "crashed"
    crashing = f"import os, pathlib\nif not os.path.exists({str(crashed)!r}):\n"
    crashing += f"    pathlib.Path({str(crashed)!r}).touch()\n    os.abort()\n"
    process = start(marks.program, crashing + other.program)
    until(other.ready.exists)
    assert crashed.exists()
    assert not marks.done.exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_receiver_that_crashes_ends_the_others(
    start: Callable[..., subprocess.Popen[bytes]], marks: Marks
) -> None:
    process = start("import os; os.abort()", marks.program)
    assert process.wait(20) == 1


def test_crashes_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    crashes: list[float] = []
    assert [_are_few(crashes) for _ in range(11)] == [True] * 10 + [False]
    monkeypatch.setattr(time, "monotonic", lambda: crashes[0] + 3601)
    assert _are_few(crashes)
