"""A node for the torture suites: a folder, and real processes on it that a kill -9 ends in milliseconds.

Starting Python and importing what a receiver needs takes a second, a worker several. So each process is
forked from a server that has imported everything and has done nothing else: pid, threads, files and sockets
are its own, and SIGKILL ends it as it ends any other.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from ctsma_node.config import Settings, load
from tests.acceptance.site import free_port, until
from tests.torture import forked
from tests.torture.mutants import receivers, workers
from tests.torture.reaper import Reaper

_SETTINGS = """\
[node]
port = {port}
state_dir = "state"

[[sources]]
ae_title = "SOURCE"
addresses = ["127.0.0.1"]

[[destinations]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs_port}
objects = ["text_report", "key_objects"]

[completion]
short_quiet_s = 0.3
long_quiet_s = 1.0
least_quiet_s = 0.5

[worker]
max_attempts = {max_attempts}
sweep_s = 0.1
min_free_bytes = 0

[delivery]
first_s = 0.3
max_s = 1.0

[gate]
min_slices = 3
min_coverage_mm = 0

[limits]
min_free_bytes = 0
max_new_per_s = 10000
outbox_quota_bytes = 0

[retention]
instances_days = 0
"""
_STARTED_S = 60.0
Target = Callable[[Path, str | None, Connection, Reaper | None], None]


class TortureNode:
    """Receiver and worker of one node.toml, each right or the mutant of that name."""

    def __init__(
        self, folder: Path, pacs_port: int, mutant: str | None = None, max_attempts: int = 100
    ) -> None:
        self.config = folder / "node.toml"
        self.log = folder / "node.log"
        self.port = free_port()
        self.config.write_text(
            _SETTINGS.format(port=self.port, pacs_port=pacs_port, max_attempts=max_attempts)
        )
        self.settings: Settings = load(self.config, {})
        assert mutant in {None, *receivers.MUTANTS, *workers.MUTANTS}, f"no mutant {mutant}"
        self._mutants = {
            "receive": mutant if mutant in receivers.MUTANTS else None,
            "work": mutant if mutant in workers.MUTANTS else None,
        }
        self._running: dict[str, ForkServerProcess] = {}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)

    def start_receiver(self, *, wait: bool = True, reaper: Reaper | None = None) -> None:
        """Fork a receiver; with `wait`, until it listens or has died. A reaper kills it at its step."""
        self._start("receive", forked.receive, wait, reaper)

    def start_worker(self) -> None:
        """Fork a worker."""
        self._start("work", forked.work, wait=False)

    def live(self, kill_at: int | None = None, *, deadly: bool = False) -> int:
        """One life of a worker in a single thread, to its end; the exit code."""
        reaper = None if kill_at is None else Reaper(kill_at)
        self._start("work", forked.deadly_life if deadly else forked.life, wait=False, reaper=reaper)
        return self.end_life()

    def begin_life(self) -> int:
        """Begin a life that stops before its first step, until SIGCONT; its process."""
        self._start("work", forked.stopped_life, wait=True)
        stat = Path(f"/proc/{self.pid('work')}/stat")
        until(lambda: stat.read_text().rpartition(") ")[2].startswith("T"), "a worker that has stopped")
        return self.pid("work")

    def live_later(self) -> int:
        """A life an hour on: what was put off is due; the exit code."""
        self._start("work", forked.later_life, wait=False)
        return self.end_life()

    def end_life(self) -> int:
        """Wait for the end of a life; the exit code."""
        process = self._running.pop("work")
        process.join()
        return process.exitcode or 0

    def stop(self, name: str) -> int:
        """SIGTERM; the exit code, which is negative where a signal had ended it before."""
        process = self._running.pop(name)
        process.terminate()
        process.join()
        return process.exitcode or 0

    def kill(self, name: str) -> None:
        """kill -9, or nothing where it does not run."""
        process = self._running.pop(name, None)
        if process is not None:
            process.kill()
            process.join()

    def pid(self, name: str) -> int:
        """Of what runs."""
        pid = self._running[name].pid
        assert pid is not None
        return pid

    def is_running(self, name: str) -> bool:
        """Whether it was started, and neither killed nor ended by itself."""
        return name in self._running and self._running[name].is_alive()

    def close(self) -> None:
        """Kill what runs."""
        for name in list(self._running):
            self.kill(name)

    def _start(self, name: str, target: Target, wait: bool, reaper: Reaper | None = None) -> None:
        mine, its = self._context.Pipe(duplex=False)
        arguments = (self.config, self._mutants[name], its, reaper)
        process = self._context.Process(target=target, args=arguments, daemon=True)
        process.start()
        its.close()
        self._running[name] = process
        with mine:
            if wait and not (_says_ready(mine) or reaper is not None):
                raise AssertionError(f"{name} does not start:\n{self.log.read_text()[-2000:]}")


_PRELOADED = ["ctsma_node.receive.service", "ctsma_node.worker.service", "tests.torture.forked"]


def _says_ready(process: Connection) -> bool:
    """Whether it does; where it dies instead, that shows at once."""
    try:
        return process.poll(_STARTED_S) and process.recv() is None
    except EOFError:
        return False
