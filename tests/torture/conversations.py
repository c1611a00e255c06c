"""Whole conversations that a hostile peer has with a receiver: what it says, in which order, how it goes."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encapsulated, encoded
from tests.torture.damage import damaged
from tests.torture.hostile_messages import hostile_message
from tests.torture.hostile_requests import hostile_request

_RELEASE = raw.pdu(5, b"\0\0\0\0")
_ILL_TIMED = (
    raw.associate_rq(),
    _RELEASE,
    raw.pdu(6, b"\0\0\0\0"),
    raw.pdu(7, b"\0\0\0\0"),
    raw.pdu(3, b"\0\1\1\1"),
    raw.pdu(2, raw.associate_rq()[6:]),
    raw.pdu(0, b""),
    raw.pdu(8, b"\0" * 20),
    raw.pdu(0xFF, b"x" * 100),
    raw.pdu(4, b""),
    raw.pdu(5, b"", length=4),
    raw.pdu(1, b"", length=0xFFFFFFFF),
    raw.pdu(4, b"", length=0x7FFFFFFF),
    raw.p_data(1, raw.LAST | raw.COMMAND, raw.command(raw.C_ECHO_RQ)),
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"\0",
)
"""What may be said at some time, or never, and is said at any."""

_PATIENCE_S = 0.3


class Ending(Enum):
    """How the peer goes."""

    ENDS = auto()  # says that it has no more, and reads until the receiver closes
    LISTENS = auto()  # the same, when it was told something or had no patience any more
    CLOSES = auto()
    RESETS = auto()


@dataclass(frozen=True)
class Conversation:
    """What is said; where `listens`, the answer to the first PDU is waited for."""

    pdus: tuple[bytes, ...]
    listens: bool
    ending: Ending


@dataclass(frozen=True)
class Answers:
    """What came back: the types of the PDUs, the statuses, and whether the receiver kept its peer waiting."""

    kinds: tuple[int, ...]
    statuses: tuple[int, ...]
    late: str = ""


def datasets() -> list[bytes]:
    """Small instances, as the contexts of `raw_peer` carry them."""
    slices = [
        encoded(ct_slice(n, "1.2.3", size=4), syntax)
        for n in (1, 2)
        for syntax in (raw.IMPLICIT, raw.EXPLICIT)
    ]
    fragments = encoded(encapsulated(ct_slice(3, "1.2.3", size=4), b"\xff\xd8\xff\xd9"))
    return [*slices, fragments, encoded(changed(ct_slice(4, "1.2.3", size=4), Rows=9)), b"", b"\0" * 9000]


def conversation(draw: Random, instances: Sequence[bytes]) -> Conversation:
    """One of them, by chance: one in seven of the requests is hostile itself."""
    pdus = [hostile_request(draw) if draw.random() < 0.15 else raw.associate_rq()]
    for _ in range(draw.choice((0, 1, 1, 2, 3))):
        pdus += hostile_message(draw, instances)
    if draw.random() < 0.12:
        pdus.insert(draw.randrange(len(pdus) + 1), draw.choice(_ILL_TIMED))
    if draw.random() < 0.3:
        pdus.append(_RELEASE)
    if draw.random() < 0.12:
        at = draw.randrange(len(pdus))
        pdus[at] = damaged(pdus[at], draw, 60)
    if draw.random() < 0.05:
        draw.shuffle(pdus)
    ending = draw.choice((Ending.LISTENS,) * 6 + (Ending.ENDS,) * 3 + (Ending.CLOSES, Ending.RESETS))
    return Conversation(tuple(pdus), draw.random() < 0.9, ending)


def hold(port: int, said: Conversation, source_address: str, seconds: float) -> Answers:
    """Have the conversation; raises OSError where the receiver cannot be reached at all."""
    peer = socket.create_connection(("127.0.0.1", port), seconds, (source_address, 0))
    with peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kinds: list[int] = []
        statuses: list[int] = []
        late = "no answer"
        try:
            with suppress(ConnectionError):
                peer.sendall(said.pdus[0])
                if said.listens and _is_whole(said.pdus[0]):
                    kinds.append(raw.read_pdu(peer)[0])
                late = "not read"
                for pdu in said.pdus[1:]:
                    peer.sendall(pdu)
            late = "not closed"
            _go(peer, said.ending, kinds, statuses)
            late = ""
        except TimeoutError:
            pass
    return Answers(tuple(kinds), tuple(statuses), late)


def _is_whole(pdu: bytes) -> bool:
    """Whether the receiver can tell the PDU's end: else it waits as well."""
    return len(pdu) >= 6 and len(pdu) - 6 >= struct.unpack_from(">L", pdu, 2)[0]


def _go(peer: socket.socket, ending: Ending, kinds: list[int], statuses: list[int]) -> None:
    """End the conversation; raises TimeoutError where the receiver does not close."""
    if ending is Ending.RESETS:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if ending in (Ending.CLOSES, Ending.RESETS):
        return
    if ending is Ending.LISTENS:
        select.select([peer], [], [], _PATIENCE_S)
    with suppress(OSError):
        peer.shutdown(socket.SHUT_WR)
    while (answer := raw.read_pdu(peer))[0]:
        kinds.append(answer[0])
        status = raw.status_in(answer[1])
        if status is not None:
            statuses.append(status)
