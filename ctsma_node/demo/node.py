"""A node of its own for the demonstration: its settings, its process, what its log says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ctsma_node.config.load import without_settings
from ctsma_node.demo.pacs import DemoError, Pacs
from ctsma_node.demo.ports import free_port
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.records import END_STATES, Case, SeriesState

PROGRAM = [sys.executable, "-m", "ctsma_node.cli"]

_READY = {"receive.listening", "worker.ready"}
_READY_S = 180.0
_STOP_S = 60.0

_SETTINGS = """\
# Written by `ctsma-node demo`.
[node]
ae_title = "{ae_title}"
bind = "127.0.0.1"
port = {port}
state_dir = "state"

[[sources]]
ae_title = "{source}"
addresses = ["127.0.0.1"]

[[destinations]]
name = "pacs"
ae_title = "{destination}"
host = "127.0.0.1"
port = {destination_port}

[limits]
min_free_bytes = 0

[web]
port = {web_port}
"""


class Node:
    """`ctsma-node serve` as a real process in a folder."""

    ae_title = "CTSMA"

    def __init__(self, folder: Path, pacs: Pacs) -> None:
        self.port = free_port()
        self.log = folder / "node.log"
        self.config = folder / "node.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            _SETTINGS.format(
                ae_title=self.ae_title,
                port=self.port,
                web_port=free_port(),
                source=pacs.ae_title,
                destination=pacs.ae_title,
                destination_port=pacs.port,
            )
        )
        self._cases = CasesReader(folder / "state" / "ledger.sqlite3")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; `wait_until_ready` waits for it."""
        with self.log.open("wb") as log:
            command = [*PROGRAM, "serve", "--config", str(self.config)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=without_settings(os.environ)
            )

    def wait_until_ready(self) -> None:
        """Wait until it listens and its networks have run once; raises DemoError."""
        deadline = time.monotonic() + _READY_S
        while not {str(line.get("action")) for line in self.log_lines()} >= _READY:
            self._check_alive()
            if time.monotonic() > deadline:
                raise DemoError(f"The node was not ready after {_READY_S:.0f} s; see {self.log}.")
            time.sleep(0.1)

    def follow(self, series_uid: str, patience_s: float = 600.0) -> Iterator[Case]:
        """The latest revision of a series each time it has changed, until it has ended; raises DemoError."""
        deadline, last = time.monotonic() + patience_s, None
        while time.monotonic() < deadline:
            self._check_alive()
            case = next(iter(self._cases.by_series(series_uid)[-1:]), None)
            if case is not None and case.state is not last:
                last = case.state
                yield case
            if last in END_STATES:
                return
            time.sleep(0.05)
        raise DemoError(f"The series had not ended after {patience_s:.0f} s ({last}); see {self.log}.")

    def seconds_in(self, case: Case) -> dict[str, float]:
        """Seconds from one state to the next, by the state that ended then."""
        events = [each for each in self._cases.events(case.id) if each.from_state is not each.to_state]
        moves = [(each.to_state, each.at) for each in events]
        return {
            f"{before} to {after}": then - since
            for (before, since), (after, then) in pairwise(moves)
            if before is not SeriesState.RECEIVING
        }

    def log_lines(self) -> Iterator[dict[str, object]]:
        """The events of the log so far."""
        if not self.log.exists():
            return
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def stop(self) -> None:
        """Stop it as systemd would, and wait."""
        self._cases.close()
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _check_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise DemoError(f"The node ended by itself; the end of {self.log} says:\n{last}")
