"""The thread that reads and sends: one round at a time, and its end."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.pdu_primitives import P_DATA

from ctsma_node.receive.association import _ABORT, GuardedAssociation, _GuardedReader
from ctsma_node.receive.lobby import Caller
from ctsma_node.receive.transport import GuardedSocket
from tests.acceptance.site import until

ANSWER = "Evt9"  # a P-DATA request primitive (PS3.8 table 9-4)
CLOSED = "Evt17"


class Reader(_GuardedReader):
    """Reads a PDU, and waits for the next: meanwhile, `happens`."""

    def __init__(self, happens: Any) -> None:
        super().__init__(SimpleNamespace(acse_timeout=30, network_timeout=30))
        self.socket = SimpleNamespace(ready=True)
        self.happens = happens

    def _read_pdu_data(self) -> None:
        self.happens(self)

    def round(self) -> list[str]:
        """What the state machine then finds to do."""
        heard = self._is_transport_event()
        assert heard
        return list(self.event_queue.queue)


def answered(reader: Reader) -> None:
    reader.send_pdu(P_DATA())


def test_an_answer_that_came_while_the_next_pdu_was_awaited_goes_out_at_once() -> None:
    assert Reader(answered).round() == [ANSWER]


def test_nothing_to_send_is_nothing_to_do() -> None:
    assert Reader(lambda reader: None).round() == []


def test_a_connection_that_closed_meanwhile_is_dealt_with_before_the_answer() -> None:
    def closed(reader: Reader) -> None:
        answered(reader)
        reader.event_queue.put(CLOSED)

    assert Reader(closed).round() == [CLOSED]


def test_an_answer_is_asked_for_once() -> None:
    reader = Reader(answered)
    reader.round()
    assert reader.round() == [ANSWER]


@pytest.fixture
def served() -> Iterator[tuple[_GuardedReader, socket.socket]]:
    """The reader of an association that stands, and its peer."""
    own, peer = socket.socketpair()
    peer.settimeout(10)
    assoc = GuardedAssociation(AE(), Caller(own, ("", 0), "", b"", secure=False, certificate=None), print)
    reader = assoc.dul
    reader.socket = GuardedSocket(assoc, own, b"", 1 << 20, 30.0, reader.bell)
    reader.event_queue.get()  # that the peer has come
    reader.state_machine.current_state = "Sta6"
    yield reader, peer
    reader._kill_thread = True
    peer.close()


def ended(reader: _GuardedReader, peer: socket.socket) -> bytes:
    """What the peer got until the end of the connection."""
    content = b""
    while part := peer.recv(100):
        content += part
    reader.join(10)
    return content


def test_who_hangs_up_leaves_the_closing_to_the_thread_that_reads(
    served: tuple[_GuardedReader, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, peer = served
    closers = []
    close: Callable[[GuardedSocket], None] = GuardedSocket._shutdown_socket

    def noted(guarded: GuardedSocket) -> None:
        closers.append(threading.current_thread())
        close(guarded)

    monkeypatch.setattr(GuardedSocket, "_shutdown_socket", noted)
    reader.start()
    peer.sendall(b"\x04\0\0")  # half of a header: the reader waits for the rest
    until(lambda: not select.select([reader.socket.socket], [], [], 0)[0], "half a header read", 10)
    reader.hang_up()
    assert ended(reader, peer) == _ABORT
    assert set(closers) == {reader}


def test_the_connection_of_a_thread_that_could_not_start_is_closed(
    served: tuple[_GuardedReader, socket.socket],
) -> None:
    reader, peer = served
    reader.hang_up()
    with suppress(RuntimeError):  # a thread that was never started cannot be joined
        assert ended(reader, peer) == _ABORT


def test_a_thread_that_ends_closes_its_connection(served: tuple[_GuardedReader, socket.socket]) -> None:
    reader, peer = served
    reader._kill_thread = True
    reader.start()
    assert ended(reader, peer) == b""
