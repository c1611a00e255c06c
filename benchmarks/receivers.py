"""Receivers to compare: this node, DCMTK's storescp, Orthanc, and one that keeps nothing."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from ctsma_node.demo.pacs import Orthanc
from ctsma_node.demo.ports import free_port
from tests.fixtures import raw_peer as raw

LONGEST_PDU = 131072
"""What every receiver announces: the most that all of them take, and this node's default."""

_CONTEXT = raw.context_of(raw.CT, raw.EXPLICIT)
_P_DATA_TF = 4

_SETTINGS = """\
[node]
port = {port}
state_dir = "state"

[[sources]]
ae_title = "SOURCE"
addresses = ["127.0.0.0/8"]
"""


class StorageScp(Protocol):
    """A receiver that is started, sent to, and ended."""

    name: str
    called: str
    port: int

    def start(self) -> None:
        """Listen."""

    def stop(self) -> None:
        """End."""


class Node:
    """This node's receiver, with its defaults."""

    name = "ctsma-node"
    called = "CTSMA"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir()
        self._command = receive_command(folder, self.port, "[limits]\nmax_new_per_s = 10000.0\n")
        self._log = folder / "log"

    def start(self) -> None:
        """Start the process and wait until it listens."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stderr=log)
        wait_for(self.port, self.process)

    def stop(self) -> None:
        """End it."""
        end(self.process)


class StoreScp:
    """DCMTK's storescp: a process for each association, bytes written as they come. It has no way to sync."""

    name = "storescp (never syncs)"
    called = "STORESCP"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir()

    def start(self) -> None:
        """Start the process and wait until it listens."""
        program = shutil.which("storescp")
        if program is None:
            raise FileNotFoundError("storescp (Debian: apt-get install dcmtk)")
        options = ["--fork", "--bit-preserving", "--max-pdu", str(LONGEST_PDU), "-od", str(self._folder)]
        self.process = subprocess.Popen([program, *options, str(self.port)])
        wait_for(self.port, self.process)

    def stop(self) -> None:
        """End it."""
        end(self.process)


class OrthancScp(Orthanc):
    """Orthanc; with `sync` it syncs the files, which is its default, but neither folders nor its index."""

    called = Orthanc.ae_title

    def __init__(self, program: Path, folder: Path, *, sync: bool) -> None:
        super().__init__(program, folder)
        self.name = "Orthanc (files synced)" if sync else "Orthanc (never syncs)"
        self._sync = sync

    def _settings(self) -> dict[str, Any]:
        more = {"SyncStorageArea": self._sync, "MaximumPduLength": LONGEST_PDU}
        return super()._settings() | more


class Sink:
    """Takes associations and answers every C-STORE at once, without looking at it: the sender's own speed."""

    name = "answers, keeps nothing"
    called = "SINK"

    def start(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        context = multiprocessing.get_context("fork")
        self._takers = [context.Process(target=self._take, daemon=True) for _ in range(4)]
        for taker in self._takers:
            taker.start()

    def stop(self) -> None:
        """End."""
        for taker in self._takers:
            taker.terminate()
            taker.join()
        self._listener.close()

    def _take(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with peer:
                self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        answer = raw.p_data(_CONTEXT, raw.LAST | raw.COMMAND, raw.command(raw.C_STORE_RSP, raw.CT, "1.2"))
        buffer = bytearray(1 << 20)
        raw.read_pdu(peer)
        peer.sendall(raw.associate_ac({_CONTEXT: raw.EXPLICIT}, LONGEST_PDU))
        while True:
            with memoryview(buffer) as view:
                kind, control = _read_over(peer, view)
            if kind != _P_DATA_TF:
                return
            if control == raw.LAST:
                peer.sendall(answer)


def _read_over(peer: socket.socket, view: memoryview) -> tuple[int, int]:
    """Type of the next PDU and the control header of its first fragment (PS3.8 annex E.2); 0 at the end."""
    if peer.recv_into(view, 6, socket.MSG_WAITALL) < 6:
        return 0, 0
    kind, length = view[0], int.from_bytes(view[2:6], "big")
    peer.recv_into(view, length, socket.MSG_WAITALL)
    return kind, view[5]


def receive_command(folder: Path, port: int, more: str = "") -> list[str]:
    """What starts a receiver with its state in `folder`; `more` is further tables of its settings."""
    config = folder / "node.toml"
    config.write_text(_SETTINGS.format(port=port) + "\n" + more, encoding="utf-8")
    return [sys.executable, "-m", "ctsma_node.cli", "receive", "--config", str(config)]


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Wait until a process listens; raises OSError where it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and wait for it."""
    process.terminate()
    process.wait(60)


def orthanc_program() -> Path:
    """Where Orthanc is; raises FileNotFoundError."""
    program = shutil.which("Orthanc", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise FileNotFoundError("Orthanc (Debian: apt-get install orthanc)")
    return Path(program)
