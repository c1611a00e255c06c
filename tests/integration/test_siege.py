"""A short siege of the real receiver; `python -m benchmarks siege` is the long one."""

from __future__ import annotations

import struct
from pathlib import Path

from benchmarks.memory import store
from benchmarks.siege import Sizes, besiege, memory, receiver
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encoded

MIB = 1 << 20


def test_whoever_means_well_is_served_while_others_hold_on() -> None:
    sizes = Sizes(idle=120, stalled=20, dripping=20, tls_stalled=5, associations=12, stores=3)
    outcome = besiege(sizes)
    assert outcome.failed == 0
    assert len(outcome.stored_s) == 36
    assert outcome.memory_mib < 64
    assert (outcome.threads, outcome.descriptors) == (0, 0)


def test_a_long_instance_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    ds, size = changed(ct_slice(), Rows=4096, Columns=4096, NumberOfFrames=6, PixelData=None), 192 * MIB
    head = encoded(ds, raw.IMPLICIT) + struct.pack("<HHL", 0x7FE0, 0x0010, size)
    request = raw.command(raw.C_STORE_RQ, raw.CT, str(ds.SOPInstanceUID), raw.DATASET)
    with receiver(tmp_path) as (process, port, _):
        peer = raw.associated(port)
        before = memory(process, "VmRSS")
        peer.sendall(raw.p_data(3, 3, request) + raw.p_data(3, 0, head))
        part = raw.p_data(3, 0, bytes(MIB // 16))
        for _ in range(16 * 192):
            peer.sendall(part)
        peer.sendall(raw.p_data(3, 2, b""))
        assert raw.status_in(raw.read_pdu(peer)[1]) == 0x0000
        assert memory(process, "VmHWM") - before < 40
        peer.close()


def test_nor_does_one_of_thousands_of_fragments() -> None:
    """Where each of them ends is read, and no page of the file stays mapped."""
    outcome = store(frames=6, encapsulated=True)
    assert outcome.statuses == [0x0000]
    assert outcome.above < 40
