"""Memory of the receiver while instances of 2 GiB come: above what it was before, and in all.

Multi-frame CT of 64 frames of 4096 x 4096 pixels; native, in 32,768 fragments, and four at a time. What
counts is VmHWM of the process, the most it ever held, less VmRSS before. Needs 20 GiB in TMPDIR.
"""

from __future__ import annotations

import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.siege import memory, receiver
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encoded

GIB = 1 << 30
FRAMES, EDGE = 64, 4096
FRAGMENT = 65536
AIM_MIB = 150
KINDS = (("native", False, 1), ("32,768 fragments", True, 1), ("four native", False, 4))


@dataclass(frozen=True)
class Outcome:
    """What storing took; MiB."""

    statuses: list[int | None]
    above: float
    highest: float
    seconds: float


def main() -> None:
    """Print the memory for each kind of instance."""
    print(f"{2 * FRAMES * EDGE * EDGE / GIB:.0f} GiB an instance; aim: at most {AIM_MIB} MiB above the start")
    for name, encapsulated, count in KINDS:
        found = store(FRAMES, count, encapsulated=encapsulated)
        answers = ", ".join(f"{status:04X}" for status in found.statuses if status is not None)
        taken = f"+{found.above:.0f} MiB (to {found.highest:.0f} MiB), {found.seconds:.0f} s"
        print(f"{name:18s} {taken}, {answers}", flush=True)


def store(frames: int, count: int = 1, *, encapsulated: bool = False) -> Outcome:
    """Send as many instances of so many frames at the same time, each over an association of its own."""
    statuses: list[int | None] = []
    with tempfile.TemporaryDirectory() as folder, receiver(Path(folder)) as (process, port, _):
        _send(
            port, 0, frames=1, statuses=[], encapsulated=False
        )  # what is loaded at first use counts as before
        before, started = memory(process, "VmRSS"), time.monotonic()
        send = partial(_send, port, frames=frames, statuses=statuses, encapsulated=encapsulated)
        senders = [threading.Thread(target=send, args=[number]) for number in range(1, count + 1)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        highest = memory(process, "VmHWM")
        return Outcome(statuses, highest - before, highest, time.monotonic() - started)


def _send(port: int, number: int, *, frames: int, statuses: list[int | None], encapsulated: bool) -> None:
    syntax = raw.RLE if encapsulated else raw.EXPLICIT
    context = raw.context_of(raw.CT, syntax)
    ds = changed(ct_slice(number), Rows=EDGE, Columns=EDGE, NumberOfFrames=frames, PixelData=None)
    request = raw.command(raw.C_STORE_RQ, raw.CT, str(ds.SOPInstanceUID), raw.DATASET)
    status = None
    with suppress(OSError), raw.associated(port) as peer:
        peer.settimeout(600)
        peer.sendall(raw.p_data(context, raw.LAST | raw.COMMAND, request))
        peer.sendall(raw.p_data(context, 0, encoded(ds, raw.EXPLICIT)))
        for part in _pixels(2 * frames * EDGE * EDGE, encapsulated=encapsulated):
            peer.sendall(raw.p_data(context, 0, part))
        peer.sendall(raw.p_data(context, raw.LAST, b""))
        status = raw.status_in(raw.read_pdu(peer)[1])
    statuses.append(status)


def _pixels(length: int, *, encapsulated: bool) -> Iterator[bytes]:
    """Pixel Data (7FE0,0010), OW with its length or OB with fragments (PS3.5 A.4), a part at a time."""
    zeros = bytes(FRAGMENT)
    if not encapsulated:
        yield struct.pack("<HH2sxxL", 0x7FE0, 0x0010, b"OW", length)
        for _ in range(length // FRAGMENT):
            yield zeros
        return
    yield struct.pack("<HH2sxxL", 0x7FE0, 0x0010, b"OB", 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    for _ in range(length // FRAGMENT):
        yield struct.pack("<HHL", 0xFFFE, 0xE000, FRAGMENT) + zeros
    yield struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
