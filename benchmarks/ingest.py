"""Instances a second that are stored, over one association and over four: this node, storescp, Orthanc.

CT slices of 512 x 512 pixels (526 kB), new ones in each run, from the same sender; the runs of the receivers
take turns, so that a disk that others use slows all of them alike. The node acknowledges what is durable:
file, folder and row are synced. Orthanc syncs the file by default, not the folder and not its index; storescp
syncs nothing, and no option makes it. All on one file system, in TMPDIR.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.receivers import Node, OrthancScp, Sink, StorageScp, StoreScp, orthanc_program
from benchmarks.sender import Load, send

REPEATS = 7
INSTANCES = 120
ASSOCIATIONS = (1, 4)
SIZE = 512
_SERIES = "1.2.826.0.1.3680043.2.1125.7"

Rates = dict[tuple[str, int], list[float]]


def main() -> None:
    """Print the medians, and what each is relative to the node in the same round."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        receivers = receivers_in(Path(folder))
        for receiver in receivers:
            receiver.start()
            stack.callback(receiver.stop)
        rates = measure(receivers, REPEATS, INSTANCES)
    print(f"{INSTANCES} instances a run, {REPEATS} runs; instances/s: median (minimum, maximum); node / it")
    for receiver in receivers:
        print(
            f"{receiver.name:24s}" + "".join(f"{_cell(rates, receiver.name, n):>36s}" for n in ASSOCIATIONS)
        )


def receivers_in(folder: Path) -> list[StorageScp]:
    """One of each kind; the node first."""
    orthanc = orthanc_program()
    return [
        Node(folder / "node"),
        OrthancScp(orthanc, folder / "orthanc", sync=True),
        OrthancScp(orthanc, folder / "orthanc-unsynced", sync=False),
        StoreScp(folder / "storescp"),
        Sink(),
    ]


def measure(receivers: Sequence[StorageScp], repeats: int, instances: int, size: int = SIZE) -> Rates:
    """Instances a second of every run, by name of the receiver and number of associations."""
    rates: Rates = defaultdict(list)
    rounds = itertools.count()
    for associations in ASSOCIATIONS:
        for repeat in range(repeats + 1):
            number = next(rounds)
            for receiver in receivers:
                series = f"{_SERIES}.{number}"
                each = instances // associations
                rate = send(Load(receiver.port, receiver.called, associations, each, size, series))
                if repeat:  # the first loads what is loaded at first use
                    rates[receiver.name, associations].append(rate)
    return rates


def _cell(rates: Rates, name: str, associations: int) -> str:
    own = rates[name, associations]
    node = rates[Node.name, associations]
    ratio = statistics.median(ours / its for ours, its in zip(node, own, strict=True))
    return f"{statistics.median(own):.0f} ({min(own):.0f}, {max(own):.0f}); {ratio:.2f}"
