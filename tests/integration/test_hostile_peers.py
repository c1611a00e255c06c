"""Peers that do not mean well, on a real socket: what is let go, when, and what it costs."""

from __future__ import annotations

import gc
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import structlog.testing

from ctsma_node.config import Settings, SourceSettings
from ctsma_node.config.settings import LimitSettings, NodeSettings
from ctsma_node.receive.peers import Peers
from ctsma_node.receive.server import Receiver
from tests.acceptance.site import until
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import ct_slice, encoded

REJECTED, P_DATA, ABORTED = 3, 4, 7


class Node:
    """A receiver, and what it logs."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        settings = Settings(
            node=NodeSettings(port=0, state_dir=folder / "state"),
            sources=(SourceSettings(ae_title="SOURCE", addresses=("127.0.0.0/8",)),),
            limits=LimitSettings(**({"min_free_bytes": 0, "drain_s": 1.0} | limits)),
        )
        self.receiver = Receiver(settings)
        self.receiver.start()
        self.port = self.receiver.port

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10, source_address=(address, 0))

    def ask(self, address: str = "127.0.0.1") -> tuple[socket.socket, int, bytes]:
        peer = self.connect(address)
        peer.sendall(raw.associate_rq())
        return peer, *raw.read_pdu(peer)

    def serves(self, address: str = "127.0.0.2") -> bool:
        """Whether a well-behaved sender from there gets its association."""
        peer, kind, _ = self.ask(address)
        peer.close()
        return kind == 2


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    nodes: list[Node] = []

    def begin(**limits: Any) -> Node:
        nodes.append(Node(tmp_path / str(len(nodes)), **limits))
        return nodes[-1]

    yield begin
    for each in nodes:
        each.receiver.stop()


def ends(peer: socket.socket) -> tuple[int, float]:
    """The kind of the last PDU before the connection was closed, 0 for none, and after how long."""
    started, last = time.monotonic(), 0
    while (kind := raw.read_pdu(peer)[0]) != 0:
        last = kind
    return last, time.monotonic() - started


def cut_off(peer: socket.socket, parts: Iterable[bytes], every_s: float) -> float:
    """Send the parts, slowly; returns after how long the node had enough of it."""
    started = time.monotonic()
    for part in parts:
        try:
            peer.sendall(part)
        except OSError:
            return time.monotonic() - started
        time.sleep(every_s)
    pytest.fail("the node took everything")


def bytewise(content: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in content]


def test_a_connection_that_asks_for_nothing_costs_no_thread(start: Callable[..., Node]) -> None:
    node = start(acse_s=0.5)
    threads = threading.active_count()
    idle = [node.connect() for _ in range(30)]
    assert node.serves()
    assert threading.active_count() <= threads + 2
    assert ends(idle[0])[1] < 3


def test_a_request_that_comes_byte_by_byte_ends_at_its_deadline(start: Callable[..., Node]) -> None:
    node = start(acse_s=0.6)
    assert cut_off(node.connect(), bytewise(raw.associate_rq()), 0.05) < 3


def test_the_oldest_of_an_address_gives_way_to_its_newest(start: Callable[..., Node]) -> None:
    node = start()
    peers = [node.connect() for _ in range(70)]
    assert node.serves("127.0.0.1")
    last, after = ends(peers[0])
    assert (last, after < 2) == (0, True)
    peers[-1].sendall(raw.associate_rq())
    assert raw.read_pdu(peers[-1])[0] == 2


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (raw.pdu(1, b"", length=300_000_000), (ABORTED, b"\0\0\2\6")),
        (raw.pdu(4, b"abcd"), (ABORTED, b"\0\0\2\1")),
        (b"GET / HTTP/1.0\r\n\r\n", (ABORTED, b"\0\0\2\1")),
    ],
)
def test_what_is_no_request_is_aborted_unread(
    start: Callable[..., Node], sent: bytes, answer: tuple[int, bytes]
) -> None:
    peer = start().connect()
    peer.sendall(sent)
    assert raw.read_pdu(peer) == answer


def test_more_associations_than_an_address_may_have_are_rejected(start: Callable[..., Node]) -> None:
    node = start(max_per_address=2, max_associations=3)
    kept = [node.ask() for _ in range(2)]
    assert [kind for _, kind, _ in kept] == [2, 2]
    assert node.ask()[1:] == (REJECTED, b"\0\2\3\2")
    kept.append(node.ask("127.0.0.2"))
    assert node.ask("127.0.0.2")[1:] == (REJECTED, b"\0\2\3\1")  # the node is full
    assert node.serves("127.0.0.3")  # but not for who has none yet
    for peer, _, _ in kept:
        peer.close()
    until(lambda: node.serves("127.0.0.1"), "a place that was left is free again", 5)


def test_connections_that_come_too_fast_are_rejected(start: Callable[..., Node]) -> None:
    node = start(max_new_per_s=1.0)
    answers = [node.ask()[1:] for _ in range(6)]
    assert (REJECTED, b"\0\2\3\1") in answers
    assert answers[0][0] == 2
    assert node.serves()


def test_a_pdu_that_comes_byte_by_byte_ends_at_its_deadline(start: Callable[..., Node]) -> None:
    peer = raw.associated(start(network_s=0.6).port)
    assert cut_off(peer, bytewise(raw.p_data(1, 3, b"x" * 4000)), 0.05) < 4


def test_a_message_that_comes_in_endless_small_pdus_is_aborted(start: Callable[..., Node]) -> None:
    peer = raw.associated(start(dimse_s=0.5).port)
    assert cut_off(peer, [raw.p_data(1, 1, b"")] * 1000, 0.02) < 6


def test_a_command_set_without_an_end_is_aborted(start: Callable[..., Node]) -> None:
    peer = raw.associated(start().port)
    assert cut_off(peer, [raw.p_data(1, 1, b"x" * 4096)] * 1000, 0.001) < 10


def test_a_pdu_longer_than_was_agreed_is_not_read(start: Callable[..., Node]) -> None:
    peer = raw.associated(start(max_pdu=16384).port)
    peer.sendall(struct.pack(">BxL", 4, 1 << 20))
    assert ends(peer)[1] < 3


def test_what_follows_a_broken_pdu_is_neither_read_as_one_nor_answered(start: Callable[..., Node]) -> None:
    """Out of step, six bytes can announce a PDU of two gigabytes."""
    node = start()
    with structlog.testing.capture_logs() as logs:
        peer = raw.associated(node.port)
        peer.sendall(raw.pdu(0xFF, b"x" * 5000) + raw.pdu(4, b"\xff" * 600, length=0x7FFFFFFF) * 9)
        assert raw.read_pdu(peer) == (ABORTED, b"\0\0\2\0")
        assert raw.read_pdu(peer) == (0, b"")
    assert [each["code"] for each in logs if each["event"] == "association.broken"] == ["invalid_pdu"]


def test_half_a_pdu_behind_a_request_does_not_keep_its_answer_back(start: Callable[..., Node]) -> None:
    peer = start().connect()
    peer.sendall(raw.associate_rq() + b"\4")
    assert raw.read_pdu(peer)[0] == 2
    broken = start().connect()
    broken.sendall(raw.pdu(1, b"\xff" * 90) + b"\4")
    assert raw.read_pdu(broken)[0] == ABORTED


def test_a_context_without_a_transfer_syntax_is_aborted(start: Callable[..., Node]) -> None:
    node = start()
    request = bytearray(raw.associate_rq())
    request[request.index(b"\x40\0\0\x11")] = 0x30  # the syntax becomes another abstract syntax
    with structlog.testing.capture_logs() as logs:
        peer = node.connect()
        peer.sendall(request)
        assert ends(peer)[0] == ABORTED
    assert "error" not in [each["log_level"] for each in logs]


@pytest.mark.parametrize(("longest", "kind"), [(1, REJECTED), (6, REJECTED), (7, 2), (0, 2)])
def test_who_takes_no_pdu_that_holds_a_byte_is_rejected(
    start: Callable[..., Node], longest: int, kind: int
) -> None:
    right, other = (b"\x51\0\0\4" + struct.pack(">L", length) for length in (16384, longest))
    peer = start().connect()
    peer.sendall(raw.associate_rq().replace(right, other))
    assert raw.read_pdu(peer)[0] == kind


def test_who_names_no_longest_pdu_is_served(start: Callable[..., Node]) -> None:
    peer = start().connect()
    peer.sendall(raw.associate_rq().replace(b"\x51\0\0\4", b"\x53\0\0\4"))  # another sub-item of four bytes
    assert raw.read_pdu(peer)[0] == 2


def test_who_cannot_be_looked_up_is_rejected(
    start: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start()
    monkeypatch.setattr(Peers, "rejection", Mock(side_effect=RuntimeError))
    assert node.ask()[1:] == (REJECTED, b"\0\1\1\1")


def test_a_connection_that_the_peer_reset_is_closed_here_too(start: Callable[..., Node]) -> None:
    """Not only when garbage is collected next."""
    node = start()
    gc.collect()
    gc.disable()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            peer = raw.associated(node.port)
            peer.sendall(raw.pdu(0xFF, b"x" * 5000))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        until(lambda: not node.receiver._door.associations(), "the associations ended", 5)
        until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before, "the sockets are closed", 5)
    finally:
        gc.enable()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """The next one is above 1,024, which is all that select(2) knows."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    opened = [os.open("/dev/null", os.O_RDONLY)]
    while opened[-1] < 1100:
        opened.append(os.dup(opened[0]))
    yield
    for each in opened:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("many_descriptors")
def test_who_comes_when_a_thousand_descriptors_are_open_is_served(start: Callable[..., Node]) -> None:
    peer = raw.associated(start().port)
    assert peer.fileno() > 1024
    peer.sendall(raw.p_data(1, raw.LAST | raw.COMMAND, raw.command(raw.C_ECHO_RQ)))
    assert raw.status_in(raw.read_pdu(peer)[1]) == 0


def test_requests_that_nobody_waits_for_hold_the_sender_up(start: Callable[..., Node]) -> None:
    """A peer that pipelines and reads no answer is not read from; nothing piles up."""
    node = start(network_s=1.0)
    peer = raw.associated(node.port)
    peer.settimeout(0.5)
    request = raw.p_data(1, 3, raw.command(raw.C_ECHO_RQ))
    longest = [0]

    def watched() -> Iterator[bytes]:
        for _ in range(4000):
            waiting = [each.dimse.msg_queue.qsize() for each in node.receiver._door.associations()]
            longest[0] = max(longest[0], *waiting, 0)
            yield request * 200

    assert cut_off(peer, watched(), 0.0) > 0.4
    assert longest[0] <= 3
    assert node.serves()


@pytest.mark.parametrize(
    "message",
    [
        raw.command(raw.C_STORE_RSP, raw.CT, "1.2.3"),
        raw.command(raw.C_FIND_RQ, raw.CT),
        raw.command(raw.C_ECHO_RQ, raw.CT),
        raw.command(raw.C_ECHO_RQ),
        raw.command(raw.N_EVENT_REPORT_RQ, raw.CT, "1.2.3"),
        raw.command(0x7777),
        b"\0\0\0\0\4\0\0\0\1",
    ],
)
def test_what_has_no_answer_is_aborted(start: Callable[..., Node], message: bytes) -> None:
    node = start()
    threads = threading.active_count()
    peer = raw.associated(node.port)
    peer.sendall(raw.p_data(3, 3, message))
    last, after = ends(peer)
    assert last == ABORTED
    assert after < 3
    until(lambda: threading.active_count() <= threads, "no thread is left", 5)


def test_an_event_that_no_state_allows_ends_the_association_and_no_thread_dies_of_it(
    start: Callable[..., Node],
) -> None:
    node = start()
    with structlog.testing.capture_logs() as logs:
        peer = raw.associated(node.port)
        peer.sendall(raw.pdu(6, b"\0\0\0\0") + raw.pdu(5, b"\0\0\0\0") * 3 + raw.pdu(1, b"\0" * 80))
        ends(peer)
        until(lambda: not node.receiver._door.associations(), "the association ended", 5)
    assert "thread.died" not in [each["event"] for each in logs]
    assert node.serves()


def test_an_instance_longer_than_any_may_be_is_answered_a700_and_kept_nowhere(
    start: Callable[..., Node],
) -> None:
    node = start(max_instance_bytes=1 << 20)
    peer = raw.associated(node.port)
    peer.sendall(raw.p_data(3, 3, raw.command(raw.C_STORE_RQ, raw.CT, "1.2.3.4", raw.DATASET)))
    for _ in range(100):
        peer.sendall(raw.p_data(3, 0, b"\0" * 16000))
    peer.sendall(raw.p_data(3, 2, b"\0" * 16000))
    kind, answer = raw.read_pdu(peer)
    assert kind == P_DATA
    assert raw.status_in(answer) == 0xA700
    whole = encoded(ct_slice(), raw.IMPLICIT)
    name = str(ct_slice().SOPInstanceUID)
    peer.sendall(raw.p_data(3, 3, raw.command(raw.C_STORE_RQ, raw.CT, name, raw.DATASET)))
    peer.sendall(raw.p_data(3, 2, whole))
    assert raw.status_in(raw.read_pdu(peer)[1]) == 0x0000


def test_a_long_instance_arrives_byte_for_byte(start: Callable[..., Node]) -> None:
    """Beyond 8 MiB a dataset is gathered in a file."""
    node, ds = start(), ct_slice(size=2400)
    whole, name = encoded(ds, raw.IMPLICIT), str(ds.SOPInstanceUID)
    assert len(whole) > 9 << 20
    peer = raw.associated(node.port)
    peer.sendall(raw.p_data(3, 3, raw.command(raw.C_STORE_RQ, raw.CT, name, raw.DATASET)))
    peer.sendall(raw.fragmented(3, whole))
    assert raw.status_in(raw.read_pdu(peer)[1]) == 0x0000
    stored = list(node.receiver._settings.spool_dir.glob("??/*.dcm"))
    assert [path.read_bytes().endswith(whole) for path in stored] == [True]


def test_a_long_dataset_gives_its_room_back_with_the_answer(start: Callable[..., Node]) -> None:
    """Not only when garbage is collected next."""
    node = start()
    series = "1.2.826.0.1.3680043.2.1125.8"
    request = raw.command(raw.C_STORE_RQ, raw.CT, f"{series}.1", raw.DATASET)
    gc.disable()
    try:
        with raw.associated(node.port) as peer:
            peer.sendall(raw.p_data(3, raw.COMMAND | raw.LAST, request))
            peer.sendall(raw.fragmented(3, encoded(ct_slice(1, series, 2100), raw.IMPLICIT)))
            assert raw.status_in(raw.read_pdu(peer)[1]) == 0
            links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
            assert not [each for each in links if str(node.receiver._settings.spool_dir) in each]
    finally:
        gc.enable()
