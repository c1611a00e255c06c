"""The order of what makes an instance durable and of its answer, as the kernel saw it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests.conftest import RequireTool
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encoded
from tests.fixtures.strace import Call, Strace
from tests.torture.node import TortureNode

_TRACED = "trace=openat,write,pwrite64,fsync,fdatasync,rename,mkdir,unlink,sendto"
_STEPS: dict[str, tuple[str, ...]] = {
    "part file": ("openat", ".dcm.part", "O_EXCL"),
    "bytes": ("write", ".dcm.part>"),
    "file synced": ("fsync", ".dcm.part>"),
    "name": ("rename", ".dcm.part", '.dcm"'),
    "folder made": ("mkdir", "/state/"),
    "spool synced": ("fsync", "/spool>"),
    "quarantine synced": ("fsync", "/quarantine>"),
    "folder synced": ("fsync", "/state/"),
    "row": ("pwrite64", "-wal>"),
    "row synced": ("fdatasync", "-wal>"),
    "answer": ("sendto", r'"\4'),  # a P-DATA-TF PDU, PS3.8 9.3.5
}
"""By name: a system call, and what stands in its text in this order. The first that fits is it."""

_DURABLE = ["part file", "bytes", "file synced", "name", "folder synced", "row", "row synced"]

MakeReceiver = Callable[..., TortureNode]


@pytest.fixture
def make_receiver(tmp_path: Path) -> Iterator[MakeReceiver]:
    made: list[TortureNode] = []

    def make(mutant: str | None = None) -> TortureNode:
        made.append(TortureNode(tmp_path, pacs_port=104, mutant=mutant))
        made[0].start_receiver()
        return made[0]

    yield make
    for each in made:
        each.close()


def steps_of(node: TortureNode, strace: Path, *datasets: Dataset) -> list[str]:
    """Store over one association; the steps of the last instance, which is sent twice. None may overlap."""
    trace = node.config.with_suffix(".trace")
    with raw.associated(node.port) as peer:
        for ds in datasets[:-1]:
            store(peer, ds)
        with Strace(strace, node.pid("receive"), trace, "-e", _TRACED) as traced:
            for _ in range(2):
                store(peer, datasets[-1])
    return in_order(traced.calls())


def store(peer: socket.socket, ds: Dataset) -> None:
    context = raw.context_of(raw.CT, raw.EXPLICIT)
    request = raw.command(raw.C_STORE_RQ, raw.CT, str(ds.SOPInstanceUID), raw.DATASET)
    peer.sendall(raw.p_data(context, raw.COMMAND | raw.LAST, request) + raw.fragmented(context, encoded(ds)))
    assert raw.status_in(raw.read_pdu(peer)[1]) == 0x0000


def in_order(calls: list[Call]) -> list[str]:
    named = [(name, call) for call in calls if (name := _name(call)) is not None]
    for (_, before), (name, behind) in pairwise(named):
        assert before.ended < behind.begun, f"{name} begins before {before.name} has ended"
    return [name for name, _ in groupby(name for name, _ in named)]


def _name(call: Call) -> str | None:
    return next((name for name, step in _STEPS.items() if call.is_of(*step)), None)


def test_an_instance_is_durable_before_it_is_acknowledged(
    make_receiver: MakeReceiver, require_tool: RequireTool
) -> None:
    node = make_receiver()
    steps = steps_of(node, require_tool("strace"), ct_slice(1), ct_slice(2))
    # Then it is sent again and answered again, and nothing is written for that.
    assert steps == [*_DURABLE, "answer"]


def test_what_is_set_aside_is_durable_before_it_is_acknowledged(
    make_receiver: MakeReceiver, require_tool: RequireTool
) -> None:
    node = make_receiver()
    other = changed(ct_slice(1), PatientID="ANOTHER")
    steps = steps_of(node, require_tool("strace"), ct_slice(1), other)
    assert steps == [*_DURABLE, "answer"]


@pytest.mark.parametrize(
    "mutant", ["acknowledge_first", "index_first", "no_fsync", "wal_normal", "no_part_file"]
)
def test_a_receiver_that_does_it_in_another_order_is_caught(
    make_receiver: MakeReceiver, require_tool: RequireTool, mutant: str
) -> None:
    node = make_receiver(mutant)
    steps = steps_of(node, require_tool("strace"), ct_slice(1), ct_slice(2))
    assert steps != [*_DURABLE, "answer"]
