"""kill -9 of a receiver in the middle of transfers: what was acknowledged is there after the restart."""

from __future__ import annotations

import hashlib
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE

from ctsma_node.config import load
from ctsma_node.ledger.inbox import InboxReader
from tests.acceptance.site import until
from tests.fixtures.encoded import ct_slice, encoded

RECEIVER = """
import sys
from pathlib import Path
from ctsma_node import log
from ctsma_node.config import load
from ctsma_node.receive.service import run
log.configure("error")
run(load(Path(sys.argv[1]), {}), ready=lambda receiver: print(receiver.port, flush=True))
"""
N_SENDERS = 3


class Process:
    """A receiver in a process of its own."""

    def __init__(self, settings: Path) -> None:
        command = [sys.executable, "-c", RECEIVER, str(settings)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(
        '[node]\nport = 0\nstate_dir = "state"\n[limits]\nmin_free_bytes = 0\n'
        '[[sources]]\nae_title = "SOURCE"\naddresses = ["127.0.0.1"]\n'
    )
    return path


@pytest.fixture
def begin(settings: Path) -> Iterator[Callable[[], Process]]:
    begun: list[Process] = []

    def start() -> Process:
        begun.append(Process(settings))
        return begun[-1]

    yield start
    for each in begun:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


def slices(sender: int) -> Iterator[Dataset]:
    for number in range(1, 10_000):
        ds = ct_slice(number, series=f"1.2.826.0.1.3680043.2.1125.5.{sender}", size=64)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        yield ds


def spooled(folder: Path) -> set[str]:
    """The files in the spool. Those without a row get one behind the start: it listens first."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def send(port: int, sender: int, acknowledged: queue.Queue[Dataset], limit: int | None = None) -> None:
    """Send slices over one association until it breaks; keep those that were acknowledged."""
    ae = AE(ae_title="SOURCE")
    ae.dimse_timeout = 3
    ae.add_requested_context(uid.CTImageStorage, uid.ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", port, ae_title="CTSMA")
    for ds in slices(sender):
        if not assoc.is_established or ds.SOPInstanceUID.endswith(f".{limit}"):
            break
        try:
            status = assoc.send_c_store(ds)
        except RuntimeError:  # the association broke between two requests
            break
        if status and status.Status == 0x0000:
            acknowledged.put(ds)
    if assoc.is_established:
        assoc.release()


@pytest.mark.parametrize("after", [1, 7, 40])
def test_nothing_acknowledged_is_lost(begin: Callable[[], Process], settings: Path, after: int) -> None:
    first, acknowledged = begin(), queue.Queue[Dataset]()
    senders = [
        threading.Thread(target=send, args=(first.port, number, acknowledged)) for number in range(N_SENDERS)
    ]
    for sender in senders:
        sender.start()
    kept = [acknowledged.get(timeout=30) for _ in range(after)]
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    for sender in senders:
        sender.join(30)
    kept += list(acknowledged.queue)

    second, paths = begin(), load(settings, {})
    reader = InboxReader(paths.inbox_path)
    until(lambda: spooled(paths.spool_dir) == {row.path for row in reader.instances_after(0)}, "adopted")
    rows = {row.sop_instance_uid: row for row in reader.instances_after(0)}
    for ds in kept:
        row = rows[ds.SOPInstanceUID]
        assert row.sha256 == hashlib.sha256(encoded(ds)).hexdigest()
        assert dcmread(paths.spool_dir / row.path) == ds
    assert all(row.missing_at is None for row in rows.values())
    assert reader.open_associations() == set()

    again: queue.Queue[Dataset] = queue.Queue()
    send(second.port, 0, again, limit=20)
    assert len(again.queue) == 19
    assert reader.quarantined() == []
    assert {ds.SOPInstanceUID for ds in again.queue} <= {
        r.sop_instance_uid for r in reader.instances_after(0)
    }
    reader.close()


def test_sigterm_ends_it_with_a_good_conscience(begin: Callable[[], Process], settings: Path) -> None:
    process, acknowledged = begin(), queue.Queue[Dataset]()
    send(process.port, 0, acknowledged, limit=5)
    assert process.end(signal.SIGTERM) == 0
    assert len(acknowledged.queue) == 4
    files = {path.name for path in load(settings, {}).node.state_dir.iterdir()}
    # The log was taken over: no -wal.
    assert files == {"spool", "quarantine", "releases", "audit", "alive", "inbox.sqlite3", "inbox.lock"}


def test_the_receiver_is_light() -> None:
    loaded = "import sys, ctsma_node.receive.service as _; print(*{m.partition('.')[0] for m in sys.modules})"
    command = [sys.executable, "-c", loaded]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "monai", "scipy", "matplotlib", "highdicom"} & set(names)
