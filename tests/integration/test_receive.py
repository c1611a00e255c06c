"""The receiver on a real socket: DCMTK, pynetdicom, and peers that do not keep to the standard."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from ctsma_node.config import Settings, SourceSettings
from ctsma_node.config.settings import LimitSettings, NodeSettings
from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.receive.contexts import ENCAPSULATED, NATIVE, STORAGE_CLASSES
from ctsma_node.receive.refusal import INVALID_UID, MISMATCH, NO_PIXELS, OUT_OF_RESOURCES, TRUNCATED
from ctsma_node.receive.server import Receiver
from ctsma_node.receive.transport import GuardedSocket
from tests.conftest import RequireTool
from tests.fixtures.encoded import changed, ct_slice, encapsulated, encoded

SERIES = ct_slice().SeriesInstanceUID
CT = str(uid.CTImageStorage)
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = str(uid.ExplicitVRLittleEndian)
DEFLATED = str(uid.DeflatedExplicitVRLittleEndian)


def settings_in(folder: Path, **limits: Any) -> Settings:
    return Settings(
        node=NodeSettings(port=0, state_dir=folder / "state"),
        sources=(SourceSettings(ae_title="SOURCE", addresses=("127.0.0.1",)),),
        limits=LimitSettings(**{"min_free_bytes": 0, "drain_s": 5.0, **limits}),
    )


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.01)


@dataclass
class Running:
    receiver: Receiver
    settings: Settings
    inbox: InboxReader
    stopped: bool = False

    @property
    def instances(self) -> list[str]:
        return [row.sop_instance_uid for row in self.inbox.instances_after(0)]

    def stop(self) -> None:
        if not self.stopped:
            self.receiver.stop()
            self.stopped = True

    def associate(self, *contexts: tuple[str, list[str]], calling: str = "SOURCE") -> Association:
        ae = AE(ae_title=calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        for sop_class, syntaxes in contexts or ((CT, [EXPLICIT]),):
            ae.add_requested_context(sop_class, syntaxes)
        return ae.associate("127.0.0.1", self.receiver.port, ae_title="CTSMA")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(**limits: Any) -> Running:
        settings = settings_in(tmp_path, **limits)
        receiver = Receiver(settings)
        receiver.start()
        started.append(Running(receiver, settings, InboxReader(settings.inbox_path)))
        return started[-1]

    yield begin
    for each in started:
        each.stop()
        each.inbox.close()


@pytest.fixture
def node(start: Callable[..., Running]) -> Running:
    return start()


def with_meta(ds: Dataset, syntax: str = EXPLICIT) -> Dataset:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    return ds


def store_raw(
    assoc: Association, data: bytes, sop_instance_uid: str, sop_class_uid: str = CT, context_of: str = CT
) -> int:
    """C-STORE bytes as they are, under whatever names; returns the status."""
    context = next(each for each in assoc.accepted_contexts if each.abstract_syntax == context_of)
    request = C_STORE()
    request.MessageID = 7
    request.AffectedSOPClassUID = sop_class_uid
    request.AffectedSOPInstanceUID = sop_instance_uid
    request.Priority = 0
    request._dataset_variant = (BytesIO(data), "DataSet")
    assoc._reactor_checkpoint.clear()
    while not assoc._is_paused:
        time.sleep(0.001)
    assoc.dimse.send_msg(request, context.context_id)
    _, answer = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    assert answer is not None, "no answer"
    return int(answer.Status)


@pytest.fixture
def dcmtk(require_tool: RequireTool) -> Path:
    """Where DCMTK's programs lie: pynetdicom brings some of the same names, but no dcmdump."""
    return require_tool("dcmdump").parent


@pytest.fixture
def any_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pynetdicom's SCU send UIDs that it would not."""
    monkeypatch.setitem(_config.VALIDATORS, "UI", lambda _: (True, ""))


def test_dcmtk_verifies_and_stores(node: Running, dcmtk: Path, tmp_path: Path) -> None:
    port = str(node.receiver.port)
    names = ["-aet", "SOURCE", "-aec", "CTSMA", "127.0.0.1", port]
    assert subprocess.run([dcmtk / "echoscu", *names], check=False).returncode == 0
    files = tmp_path / "series"
    files.mkdir()
    for number in range(12):
        with_meta(ct_slice(number)).save_as(files / f"{number}.dcm", enforce_file_format=True)
    for _ in range(2):
        sent = subprocess.run([dcmtk / "storescu", "+sd", *names, files], check=False)
        assert sent.returncode == 0
    assert sorted(node.instances) == sorted(f"{SERIES}.{number}" for number in range(12))
    for row in node.inbox.instances(SERIES):
        stored = dcmread(node.settings.spool_dir / row.path)
        assert stored == dcmread(files / f"{row.sop_instance_uid.rpartition('.')[2]}.dcm")
    assert node.inbox.quarantined() == []
    until(lambda: not node.inbox.association_open(SERIES))


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [
        ("NOBODY", "CTSMA", "Calling AE Title Not Recognized"),
        ("SOURCE", "X", "Called AE Title Not Recognized"),
    ],
)
def test_dcmtk_is_told_why_it_is_rejected(
    node: Running, dcmtk: Path, calling: str, called: str, reason: str
) -> None:
    peer = ["-aet", calling, "-aec", called, "127.0.0.1", str(node.receiver.port)]
    answer = subprocess.run([dcmtk / "echoscu", *peer], check=False, capture_output=True, text=True)
    assert answer.returncode != 0
    assert reason in answer.stdout + answer.stderr


@pytest.mark.parametrize(("calling", "called", "reason"), [("NOBODY", "CTSMA", 3), ("SOURCE", "OTHER", 7)])
def test_a_rejection_is_permanent_and_by_the_user(
    node: Running, calling: str, called: str, reason: int
) -> None:
    ae = AE(ae_title=calling)
    ae.add_requested_context(CT)
    assoc = ae.associate("127.0.0.1", node.receiver.port, ae_title=called)
    answer = assoc.acceptor.primitive
    assert assoc.is_rejected
    assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, reason)


def test_an_address_that_no_source_has_is_closed_at_once(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    other = (SourceSettings(ae_title="SOURCE", addresses=("192.0.2.1",)),)
    receiver = Receiver(settings.model_copy(update={"sources": other}))
    receiver.start()
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as peer:
        assert peer.recv(1) == b""
    receiver.stop()


@pytest.mark.parametrize("sop_class", [str(each) for each in STORAGE_CLASSES])
def test_every_listed_syntax_is_accepted_and_no_other(node: Running, sop_class: str) -> None:
    syntaxes = [str(each) for each in (*NATIVE, *ENCAPSULATED)]
    assoc = node.associate(*((sop_class, [each]) for each in (*syntaxes, DEFLATED)))
    assert [str(each.transfer_syntax[0]) for each in assoc.accepted_contexts] == syntaxes
    assoc.release()


def test_only_what_can_be_analysed_is_accepted(node: Running) -> None:
    assoc = node.associate((CT, [EXPLICIT]), (str(uid.MRImageStorage), [EXPLICIT]))
    assert [each.abstract_syntax for each in assoc.accepted_contexts] == [CT]
    assoc.release()


def test_compressed_instances_are_kept_as_they_came(node: Running) -> None:
    syntax = str(uid.JPEG2000Lossless)
    ds = with_meta(encapsulated(ct_slice(), b"\1\2\3\4"), syntax)
    assoc = node.associate((CT, [syntax]))
    assert assoc.send_c_store(ds).Status == 0x0000
    assoc.release()
    (row,) = node.inbox.instances_after(0)
    assert row.transfer_syntax == syntax
    assert (node.settings.spool_dir / row.path).read_bytes().endswith(encoded(ds, syntax))


@pytest.mark.usefixtures("any_uid")
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_bad_requests_get_their_status_and_the_association_goes_on(node: Running) -> None:
    assoc = node.associate((CT, [EXPLICIT]), (VERIFICATION, [EXPLICIT]))
    whole, name = encoded(ct_slice()), str(ct_slice().SOPInstanceUID)
    bad = [
        (store_raw(assoc, whole, "../../../etc/passwd"), INVALID_UID),
        (store_raw(assoc, whole, "1.2\n3"), INVALID_UID),
        (store_raw(assoc, whole, ""), INVALID_UID),
        (store_raw(assoc, whole, "1" * 80), INVALID_UID),
        (store_raw(assoc, whole, "1.2.3"), MISMATCH),
        (store_raw(assoc, whole, name, str(uid.MRImageStorage)), MISMATCH),
        (store_raw(assoc, whole, name, VERIFICATION), MISMATCH),
        (store_raw(assoc, whole, name, CT, context_of=VERIFICATION), MISMATCH),
        (store_raw(assoc, whole, name, "1.2.3.999"), MISMATCH),
        (store_raw(assoc, whole, name, ""), INVALID_UID),
        (store_raw(assoc, whole[:-100], name), TRUNCATED),
        (store_raw(assoc, whole[:200], name), NO_PIXELS),
        (store_raw(assoc, encoded(changed(ct_slice(), PixelData=None)), name), NO_PIXELS),
    ]
    assert [hex(status) for status, _ in bad] == [hex(expected.status) for _, expected in bad]
    assert node.instances == []
    assert store_raw(assoc, whole, name) == 0x0000
    assert assoc.is_established
    assoc.release()
    assert node.instances == [name]
    # Four different datasets were refused; each is kept once.
    assert len(node.inbox.quarantined()) == 4
    assert sorted(each.name for each in node.settings.node.state_dir.parent.iterdir()) == ["state"]


def digest_of(sop_instance_uid: str) -> str:
    return hashlib.sha256(sop_instance_uid.encode()).hexdigest()


def test_the_answer_comes_last(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def traced(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any) -> Any:
            result = real(*arguments)
            order.append(name)
            return result

        monkeypatch.setattr(owner, name, call)

    assoc = node.associate()
    assert assoc.send_c_store(with_meta(ct_slice(1, series="1.2.3"))).Status == 0x0000
    for owner, name in ((os, "fsync"), (os, "rename"), (Inbox, "add"), (GuardedSocket, "send")):
        traced(owner, name)
    # The same first two digits of the hash, so that no new folder has to be made durable.
    number = next(n for n in range(2, 9999) if digest_of(f"1.2.3.{n}")[:2] == digest_of("1.2.3.1")[:2])
    assert assoc.send_c_store(with_meta(ct_slice(number, series="1.2.3"))).Status == 0x0000
    assert order == ["fsync", "rename", "fsync", "add", "send"]
    assoc.release()


def test_a_refusal_says_why(node: Running) -> None:
    assoc = node.associate()
    answer = assoc.send_c_store(with_meta(changed(ct_slice(), Rows=99)))
    assert (answer.Status, answer.ErrorComment) == (TRUNCATED.status, TRUNCATED.comment)
    assoc.release()


def test_a_full_disk_is_told_and_the_association_goes_on(
    node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    assoc = node.associate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        assert assoc.send_c_store(with_meta(ct_slice())).Status == OUT_OF_RESOURCES.status
    assert assoc.send_c_store(with_meta(ct_slice())).Status == 0x0000
    assoc.release()


def test_too_little_room_is_told_before_the_disk_is_full(start: Callable[..., Running]) -> None:
    assoc = start(min_free_bytes=1 << 60).associate()
    assert assoc.send_c_store(with_meta(ct_slice())).Status == OUT_OF_RESOURCES.status
    assoc.release()


def test_a_slow_disk_does_not_end_the_association(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, real = start(network_s=0.4), os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(0.3)
        real(descriptor)

    assoc = node.associate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", slow)
        assert assoc.send_c_store(with_meta(ct_slice(1))).Status == 0x0000
    assert assoc.send_c_store(with_meta(ct_slice(2))).Status == 0x0000
    assoc.release()


def test_an_association_is_open_until_it_ends(node: Running) -> None:
    first, second = node.associate(), node.associate()
    assert node.inbox.open_associations() == set()
    assert first.send_c_store(with_meta(ct_slice(1))).Status == 0x0000
    assert second.send_c_store(with_meta(ct_slice(2))).Status == 0x0000
    assert len(node.inbox.open_associations()) == 2
    first.release()
    until(lambda: len(node.inbox.open_associations()) == 1)
    assert node.inbox.association_open(SERIES)
    second.abort()
    until(lambda: not node.inbox.association_open(SERIES))


def test_an_end_that_could_not_be_written_is_written_with_the_next(
    node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = []
    close = Inbox.close_association

    def close_later(self: Inbox, association_id: str, at: float) -> None:
        if not failed:
            failed.append(association_id)
            raise sqlite3.OperationalError("disk I/O error")
        close(self, association_id, at)

    monkeypatch.setattr(Inbox, "close_association", close_later)
    for number in (1, 2):
        assoc = node.associate()
        assert assoc.send_c_store(with_meta(ct_slice(number))).Status == 0x0000
        assoc.release()
        until(lambda: failed)
    until(lambda: not node.inbox.open_associations())


def test_a_peer_that_vanishes_closes_its_association(node: Running) -> None:
    assoc = node.associate()
    assert assoc.send_c_store(with_meta(ct_slice())).Status == 0x0000
    assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: not node.inbox.association_open(SERIES))


def test_a_peer_that_stalls_inside_a_pdu_is_let_go(start: Callable[..., Running]) -> None:
    node = start(network_s=0.5, acse_s=0.5)
    with socket.create_connection(("127.0.0.1", node.receiver.port), timeout=10) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, 200) + b"\0" * 50)
        started = time.monotonic()
        assert peer.recv(100)[:1] in (b"", b"\x07")  # closed, or A-ABORT
        assert time.monotonic() - started < 5
    until(lambda: not node.receiver._door.associations())


def test_an_endless_pdu_is_not_read(node: Running) -> None:
    with socket.create_connection(("127.0.0.1", node.receiver.port), timeout=10) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFF0))
        assert peer.recv(100)[:1] in (b"", b"\x07")
    until(lambda: not node.receiver._door.associations())


@pytest.mark.parametrize("noise", [b"", b"GET / HTTP/1.0\r\n\r\n", bytes(range(256)), b"\x04\0\0\0\0\4abcd"])
def test_noise_does_not_stop_the_receiver(node: Running, noise: bytes) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", node.receiver.port), timeout=10) as peer:
            peer.sendall(noise)
    until(lambda: not node.receiver._door.associations())  # and their places are free at once
    assoc = node.associate()
    assert assoc.send_c_store(with_meta(ct_slice())).Status == 0x0000
    assoc.release()


def test_a_stop_lets_go_of_an_idle_peer(node: Running) -> None:
    assoc = node.associate()
    assert assoc.send_c_store(with_meta(ct_slice(1))).Status == 0x0000
    started = time.monotonic()
    node.stop()
    assert time.monotonic() - started < 4  # an idle peer does not hold it for long
    until(lambda: assoc.is_aborted)
    assert len(node.instances) == 1
    assert node.inbox.open_associations() == set()


def test_a_receiver_that_stopped_takes_no_connection(node: Running) -> None:
    port = node.receiver.port
    node.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_stop_waits_for_an_instance_on_its_way(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, real, statuses = threading.Event(), os.fsync, []

    def slow(descriptor: int) -> None:
        arrived.set()
        time.sleep(0.3)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    assoc = node.associate()
    sender = threading.Thread(
        target=lambda: statuses.append(assoc.send_c_store(with_meta(ct_slice())).Status)
    )
    sender.start()
    assert arrived.wait(10)
    node.stop()
    sender.join(10)
    assert statuses == [0x0000]
    assert node.instances == [ct_slice().SOPInstanceUID]
