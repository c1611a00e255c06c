"""The thread that reads and sends, one round at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pynetdicom.pdu_primitives import P_DATA

from ctsma_node.receive.association import _GuardedReader

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
