"""A receiver that peers hold on to for a long time, in rounds of a second or two.

All along, some say nothing, stop in the middle, drip, or never finish TLS; in each round a load balancer
probes, associations are opened and never released, and messages are begun and left. A sender from another
address stores in each round and must be served. Threads, descriptors and memory may not grow.
"""

from __future__ import annotations

import socket
import statistics
import struct
from collections import deque
from contextlib import suppress

from benchmarks.siege import Siege, Sizes, held, memory, percentile, receiver, send, settled
from tests.fixtures import raw_peer as raw
from tests.torture.run import Run, Tally

SHORT, LONG = 3, 600

_CROWD = Sizes(idle=40, stalled=20, dripping=10, tls_stalled=5)
_GOOD = Sizes(associations=1, stores=3)
_LIMITS = "acse_s = 3\nnetwork_s = 5\ndimse_s = 5\n"  # a round sees what else takes minutes
_PROBES, _UNRELEASED, _MOST_KEPT = 20, 4, 60
_MOST_MIB, _MOST_GROWN_MIB = 64.0, 16.0


def torment(run: Run) -> None:
    """Hold on to the receiver for so many rounds."""
    with receiver(run.folder, _LIMITS) as (process, port, tls_port):
        fresh = held(process)
        send(port, _GOOD, [], [])  # what is loaded at first use counts as there before
        before, rss = settled(process, fresh), memory(process, "VmRSS")
        siege = Siege(_CROWD, port, tls_port)
        siege.start()
        siege.wait_until_complete()
        resident, stored = _hold_on(run, process, port)
        siege.stop()
        after = settled(process, before)
        highest = memory(process, "VmHWM") - rss
    run.tally.figure("cut off, and back again", f"{siege.returned} times")
    run.tally.figure("threads, descriptors before and after", f"{before}, {after}")
    run.tally.figure("a store, median and p99", f"{_ms(stored, 50)} and {_ms(stored, 99)} ms")
    _judge(run.tally, before, after, resident, highest)


def _hold_on(run: Run, process: int, port: int) -> tuple[list[float], list[float]]:
    """The rounds; returns the memory after each, MiB, and how long each store took, s."""
    kept: deque[socket.socket] = deque()
    resident: list[float] = []
    stored: list[float] = []
    for number in run.rounds():
        for probe in range(_PROBES):
            _probe(port, reset=probe % 2 == 0)
        run.tally.count("probes", _PROBES)
        for which in range(_UNRELEASED):
            _associate(run.tally, port, kept, f"127.0.0.{3 + number % 50}", halfway=which == 0)
        while len(kept) > _MOST_KEPT:
            kept.popleft().close()
        if failed := send(port, _GOOD, [], stored):
            run.tally.fault("good sender not served", f"round {number}: {failed} of its requests")
        run.tally.count("stores", _GOOD.stores)
        resident.append(memory(process, "VmRSS"))
    for peer in kept:
        peer.close()
    return resident, stored


def _probe(port: int, *, reset: bool) -> None:
    """Connect and go, as load balancers do to see whether somebody is there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0)) as peer:
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _associate(tally: Tally, port: int, kept: deque[socket.socket], address: str, *, halfway: bool) -> None:
    """Open an association and never release it, with half a message or none."""
    try:
        peer = raw.associated(port, source_address=address)
        if halfway:
            peer.sendall(raw.p_data(3, raw.COMMAND, raw.command(raw.C_STORE_RQ, raw.CT, "1.2.3", 1)[:40]))
    except OSError:
        tally.count("associations rejected")
        return
    kept.append(peer)
    tally.count("associations never released")


def _judge(
    tally: Tally, before: tuple[int, int], after: tuple[int, int], resident: list[float], highest: float
) -> None:
    for name, now, then in zip(("threads", "descriptors"), after, before, strict=True):
        if now > then:
            tally.fault(f"{name} left", str(now - then))
    quarter = max(len(resident) // 4, 1)
    grown = statistics.median(resident[-quarter:]) - statistics.median(resident[quarter : 2 * quarter])
    tally.figure("memory, highest above the start", f"{highest:.0f} MiB")
    tally.figure("memory, last quarter of the rounds above the second", f"{grown:.1f} MiB")
    if highest > _MOST_MIB or grown > _MOST_GROWN_MIB:
        tally.fault("memory", f"{highest:.0f} MiB above the start, {grown:.1f} MiB in the second half")


def _ms(seconds: list[float], percent: int) -> str:
    return f"{1000 * percentile(seconds, percent):.0f}"
