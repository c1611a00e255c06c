"""A receiver under siege: peers that hold on to it from one address, a sender that means well from another.

Idle peers connect and say nothing, stalled ones stop in the middle of their request or of a message, dripping
ones send a byte now and then, and TLS-stalled ones never say hello. Whoever is cut off comes back. Meanwhile
the sender at 127.0.0.2 stores; each of its stores must succeed. Memory is VmHWM of the receiver's process,
less VmRSS before the siege.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.receivers import receive_command, wait_for
from ctsma_node.demo.ports import free_port
from tests.fixtures import raw_peer as raw
from tests.fixtures.certificates import Authority
from tests.fixtures.encoded import ct_slice, encoded

_SENDER = "127.0.0.2"
_BESIEGER = "127.0.0.1"
_DRIP_S = 0.2

_SETTINGS = """\
[tls]
certificate = "{own}"
key = "{key}"
ca = "{ca}"
port = {tls_port}
required = false

[limits]
min_free_bytes = 0
"""


@dataclass(frozen=True)
class Sizes:
    """How many peers of each kind, and how many associations of the sender with how many stores each."""

    idle: int = 500
    stalled: int = 100
    dripping: int = 100
    tls_stalled: int = 10
    associations: int = 60
    stores: int = 5

    @property
    def peers(self) -> int:
        """All that besiege."""
        return self.idle + self.stalled + self.dripping + self.tls_stalled


@dataclass(frozen=True)
class Outcome:
    """What became of the sender and of the receiver."""

    associated_s: list[float]
    stored_s: list[float]
    failed: int
    returned: int  # besiegers that were cut off and came back
    memory_mib: float  # highest, above what it was before
    threads: int  # more than before, when the siege is over
    descriptors: int


def main() -> None:
    """Print how the sender fared under the full siege."""
    sizes = Sizes()
    outcome = besiege(sizes)
    print(f"{sizes}, {outcome.returned} times a besieger came back")
    for name, seconds in (("association", outcome.associated_s), ("store", outcome.stored_s)):
        print(
            f"{name}: {len(seconds)}, median {1000 * statistics.median(seconds):.1f} ms, "
            f"p99 {1000 * percentile(seconds, 99):.1f} ms, max {1000 * max(seconds):.1f} ms"
        )
    print(f"failed: {outcome.failed}; memory: +{outcome.memory_mib:.0f} MiB")
    print(f"after it: {outcome.threads:+d} threads, {outcome.descriptors:+d} descriptors")


def besiege(sizes: Sizes) -> Outcome:
    """Start a receiver, besiege it, send, and end everything."""
    with tempfile.TemporaryDirectory() as folder, receiver(Path(folder)) as (process, port, tls_port):
        send(port, Sizes(associations=2, stores=2), [], [])  # what is loaded at first use counts as before
        time.sleep(2.0)  # and what served that ends
        before, rss = held(process), memory(process, "VmRSS")
        siege = Siege(sizes, port, tls_port)
        siege.start()
        siege.wait_until_complete()
        associated: list[float] = []
        stored: list[float] = []
        failed = send(port, sizes, associated, stored)
        siege.stop()
        highest = memory(process, "VmHWM")
        threads, descriptors = settled(process, before)
    return Outcome(
        associated,
        stored,
        failed,
        siege.returned,
        highest - rss,
        threads - before[0],
        descriptors - before[1],
    )


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent of the others do not exceed."""
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


class Siege(threading.Thread):
    """Keeps its peers at the receiver's door, in one thread."""

    def __init__(self, sizes: Sizes, port: int, tls_port: int) -> None:
        super().__init__(daemon=True)
        self.returned = 0
        self._plans: list[tuple[int, bytes, bytes]] = [
            *[(port, b"", b"")] * sizes.idle,
            *[(port, raw.associate_rq()[:50], b"")] * sizes.stalled,
            *[(port, b"", raw.associate_rq())] * sizes.dripping,
            *[(tls_port, b"", b"")] * sizes.tls_stalled,
        ]
        self._sockets: list[socket.socket | None] = [None] * len(self._plans)
        self._dripped = [0] * len(self._plans)
        self._ended = threading.Event()
        self._complete = threading.Event()

    def run(self) -> None:
        """Connect all, then drip and reconnect until it is stopped."""
        while not self._ended.is_set():
            for number in range(len(self._plans)):
                self._attend(number)
            self._complete.set()
            self._ended.wait(_DRIP_S)
        for peer in self._sockets:
            if peer is not None:
                peer.close()

    def wait_until_complete(self) -> None:
        """Wait until every peer has connected once."""
        self._complete.wait()

    def stop(self) -> None:
        """Let go of the receiver."""
        self._ended.set()
        self.join()

    def _attend(self, number: int) -> None:
        port, first, drops = self._plans[number]
        peer = self._sockets[number]
        if peer is not None and _is_cut_off(peer):
            peer.close()
            self.returned += 1
            peer = None
        if peer is None:
            with suppress(OSError):
                peer = socket.create_connection(("127.0.0.1", port), 5, (_BESIEGER, 0))
                peer.sendall(first)
                peer.setblocking(False)
            self._sockets[number], self._dripped[number] = peer, 0
        elif drops:
            at = self._dripped[number] % len(drops)
            with suppress(OSError):
                peer.send(drops[at : at + 1])
            self._dripped[number] += 1


def _is_cut_off(peer: socket.socket) -> bool:
    try:
        return peer.recv(1024) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def send(port: int, sizes: Sizes, associated: list[float], stored: list[float]) -> int:
    """Store over one association after the other; returns how many stores or associations failed."""
    failed = 0
    for association in range(sizes.associations):
        started = time.monotonic()
        try:
            peer = raw.associated(port, source_address=_SENDER)
        except OSError:
            failed += 1
            continue
        associated.append(time.monotonic() - started)
        for number in range(sizes.stores):
            failed += not _store(peer, f"1.2.3.{sizes.peers}.{association}", number, stored)
        peer.sendall(raw.pdu(5, b"\0\0\0\0"))  # A-RELEASE-RQ
        raw.read_pdu(peer)
        peer.close()
    return failed


def _store(peer: socket.socket, series: str, number: int, stored: list[float]) -> bool:
    ds = ct_slice(number, series, size=64)
    started = time.monotonic()
    request = raw.command(raw.C_STORE_RQ, raw.CT, str(ds.SOPInstanceUID), raw.DATASET)
    peer.sendall(raw.p_data(3, 3, request) + raw.p_data(3, 2, encoded(ds, raw.IMPLICIT)))
    _, answer = raw.read_pdu(peer)
    stored.append(time.monotonic() - started)
    return raw.status_in(answer) == 0x0000


@contextmanager
def receiver(folder: Path, more_limits: str = "") -> Iterator[tuple[int, int, int]]:
    """The real receiver as a process; its id, its port and its port for TLS. Its log is `folder/log`."""
    authority = Authority(folder / "ca")
    own = authority.issue("node", "localhost")
    port, tls_port = free_port(), free_port()
    tables = _SETTINGS.format(tls_port=tls_port, own=own.certificate, key=own.key, ca=authority.ca)
    command = receive_command(folder, port, tables + more_limits)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            wait_for(port, process)
            yield process.pid, port, tls_port
        finally:
            process.terminate()


def settled(process: int, before: tuple[int, int]) -> tuple[int, int]:
    """Threads and descriptors when the receiver holds no more of them than before, or after a while."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and any(
        now > then for now, then in zip(held(process), before, strict=True)
    ):
        time.sleep(0.2)
    return held(process)


def held(process: int) -> tuple[int, int]:
    """Threads and file descriptors."""
    folder = Path(f"/proc/{process}")
    return len(list((folder / "task").iterdir())), len(list((folder / "fd").iterdir()))


def memory(process: int, line: str) -> float:
    """MiB by a line of /proc/PID/status, such as VmHWM."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(next(each for each in status.splitlines() if each.startswith(line)).split()[1]) / 1024
