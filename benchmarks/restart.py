"""Seconds from the start of a receiver's process until it listens, and until it has answered a C-ECHO.

Its spool holds 100,000 files with their rows; in the other cases a part of the files has no row (the
receiver died between the two, or its inbox was restored from a backup), or a part of the rows has no file.
Warm: what was read before is in the kernel's memory. Cold: it is not, as after a start of the machine; only
root can make it forget.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.receivers import receive_command
from ctsma_node.config import load
from ctsma_node.demo.ports import free_port
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive.header import read_header
from ctsma_node.receive.part10 import preamble_and_meta
from ctsma_node.records import Received
from ctsma_node.spool import Spool, make_private
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encoded

FILES = 100_000
LACKING = 1_000
RUNS = 3
_SERIES = "1.2.826.0.1.3680043.2.1125.1"
_FIRST = 1_000_000  # UIDs of one length: files are made by putting another into the same bytes


@dataclass(frozen=True)
class Start:
    """Seconds after the process was started, and what the log said of the recovery."""

    listening: float
    answered: float
    adopted: float  # until every file had its row; 0 where none was without
    unindexed: int
    missing: int


def main() -> None:
    """Print the seconds of each case."""
    print(f"{FILES} files, {RUNS} starts of each; seconds until it listens, until C-ECHO: median (maximum)")
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder))
        _print("no files, warm", [node.start() for _ in range(RUNS)])
        node.fill(FILES)
        for name, prepare in (("warm", lambda: None), ("cold", drop_caches)):
            _print(f"files and rows, {name}", _starts(node, prepare))
            _print(f"{LACKING} files have no row, {name}", _starts(node, node.lose_rows, prepare))
            _print(f"{LACKING} rows have no file, {name}", _starts(node, node.lose_files, prepare))
        node.lose_rows(FILES)
        _print("no file has a row", [node.start()])


def drop_caches() -> None:
    """Let the kernel forget what it has read."""
    subprocess.run(["sync"], check=True)
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


def _starts(node: Node, *prepare: Callable[[], object]) -> list[Start]:
    found = []
    for _ in range(RUNS):
        for each in prepare:
            each()
        found.append(node.start())
    return found


def _print(name: str, starts: list[Start]) -> None:
    columns = []
    for seconds in ([each.listening for each in starts], [each.answered for each in starts]):
        columns.append(f"{statistics.median(seconds):6.2f} ({max(seconds):.2f})")
    last = starts[-1]
    found = f"missing {last.missing}, without a row {last.unindexed}"
    if last.adopted:
        found += f", adopted after {last.adopted:.1f} s"
    print(f"{name:34s} {columns[0]:>16s} {columns[1]:>16s}   {found}", flush=True)


class Node:
    """A node's settings and state, and its receiver."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._command = receive_command(folder, self.port, "[limits]\nmin_free_bytes = 0\n")
        self.settings = load(folder / "node.toml")
        make_private(self.settings.node.state_dir)
        self.spool = Spool(self.settings.spool_dir)
        self.spool.prepare()

    def start(self, seconds: float = 600.0) -> Start:
        """Start the receiver, time it, wait until every file has its row, and end it."""
        started = time.monotonic()
        with subprocess.Popen(self._command, stderr=subprocess.PIPE) as process:
            log = Log(process)
            try:
                listening = log.wait_for("receive.listening", seconds) - started
                answered = self._echo(seconds) - started
                found = log.events["receive.recovered"]
                behind = log.wait_for("receive.adopted", seconds) - started if found["unindexed"] else 0.0
            finally:
                process.terminate()
                log.join()
        return Start(listening, answered, behind, int(found["unindexed"]), int(found["missing"]))

    def fill(self, files: int) -> None:
        """Files and their rows, as the receiver leaves them, without its waiting for the disk."""
        uid, syntax = f"{_SERIES}.{_FIRST}", raw.EXPLICIT
        ds = changed(ct_slice(size=8), SOPInstanceUID=uid)
        dataset = encoded(ds, syntax)
        content = preamble_and_meta(raw.CT, uid, syntax, "SOURCE", "CTSMA") + dataset
        with closing(Inbox(self.settings.inbox_path)) as inbox:
            inbox.add(_row(uid, dataset, self._write(uid, content)))
        connection = sqlite3.connect(self.settings.inbox_path)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(instance)")]
        own = ("sop_instance_uid", "path", "sha256")
        kept = ", ".join(name for name in columns if name not in ("rowid", *own))
        rows = []
        for number in range(_FIRST + 1, _FIRST + files):
            other = f"{_SERIES}.{number}"
            digest = sha256(dataset.replace(uid.encode(), other.encode())).hexdigest()
            path = self._write(other, content.replace(uid.encode(), other.encode()))
            rows.append((other, path, digest))
        with connection:
            connection.executemany(
                f"INSERT INTO instance ({', '.join(own)}, {kept}) SELECT ?, ?, ?, {kept} FROM instance "
                "WHERE rowid = 1",
                rows,
            )
        connection.close()

    def lose_rows(self, count: int = LACKING) -> None:
        """Take the rows of that many files away."""
        connection = sqlite3.connect(self.settings.inbox_path)
        with connection:
            connection.execute(
                "DELETE FROM instance WHERE rowid IN "
                "(SELECT rowid FROM instance WHERE missing_at IS NULL ORDER BY path LIMIT ?)",
                (count,),
            )
        connection.close()

    def lose_files(self, count: int = LACKING) -> None:
        """Take that many files away."""
        for path in sorted(self.spool.files())[-count:]:
            self.spool.remove(path)

    def _write(self, uid: str, content: bytes) -> str:
        relative = self.spool.relative(sha256(uid.encode()).hexdigest())
        path = self.spool.path(relative)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return relative

    def _echo(self, seconds: float) -> float:
        deadline = time.monotonic() + seconds
        while True:
            try:
                with raw.associated(self.port) as peer:
                    peer.sendall(raw.p_data(1, raw.LAST | raw.COMMAND, raw.command(raw.C_ECHO_RQ)))
                    assert raw.status_in(raw.read_pdu(peer)[1]) == 0x0000
                    return time.monotonic()
            except OSError:
                if time.monotonic() > deadline:
                    raise


class Log(threading.Thread):
    """The lines of a process' log, by action; each with when it was read."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.events: dict[str, dict[str, Any]] = {}
        self._at: dict[str, float] = {}
        self._process = process
        self._news = threading.Condition()
        self.start()

    def wait_for(self, action: str, seconds: float) -> float:
        """When the action was told, time.monotonic(); raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: action in self._at, seconds):
                raise TimeoutError(action)
            return self._at[action]

    def run(self) -> None:
        """Read until the process ends."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            at = time.monotonic()
            with self._news:
                told = json.loads(line)
                self.events.setdefault(told["action"], told)
                self._at.setdefault(told["action"], at)
                self._news.notify_all()


def _row(uid: str, dataset: bytes, path: str) -> Received:
    header = read_header(BytesIO(dataset), raw.EXPLICIT)
    return Received(
        sop_instance_uid=uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax=raw.EXPLICIT,
        series_uid=header.series_uid,
        study_uid=header.study_uid,
        association_id=None,
        calling_ae="SOURCE",
        address="127.0.0.1",
        received_at=time.time(),
        path=path,
        size=len(dataset),
        sha256=sha256(dataset).hexdigest(),
        geometry=header.geometry,
    )
