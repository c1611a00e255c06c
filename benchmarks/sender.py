"""A sender that costs next to nothing: each C-STORE is one write of bytes that were made before."""

from __future__ import annotations

import multiprocessing
import socket
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import changed, ct_slice, encoded

_RELEASE_RQ = 5
_CONTEXT = raw.context_of(raw.CT, raw.EXPLICIT)
_NUMBER = 1_000_000  # the last component of the UID that each instance gets another one for, of equal length


@dataclass(frozen=True)
class Load:
    """What is sent: `each` CT slices of `size` x `size` pixels over every one of the associations."""

    port: int
    called: str
    associations: int
    each: int
    size: int
    series: str
    """The beginning of the UIDs; the instances of each association are a series of their own."""


def send(load: Load) -> float:
    """Instances a second, from the first byte to the last answer; RuntimeError where one is not stored.

    Every association is a process of its own: they start to send together, once all are accepted.
    """
    context = multiprocessing.get_context("fork")
    barrier, spans = context.Barrier(load.associations), context.SimpleQueue()
    senders = [
        context.Process(target=_send, args=(load, number, barrier, spans))
        for number in range(load.associations)
    ]
    for process in senders:
        process.start()
    for process in senders:
        process.join()
    if any(process.exitcode for process in senders):
        raise RuntimeError(f"{load.called} did not store everything")
    begun, ended = zip(*(spans.get() for _ in senders), strict=True)
    return float(load.associations * load.each / (max(ended) - min(begun)))


def _send(load: Load, association: int, barrier: Barrier, spans: Any) -> None:
    peer, accept = raw.negotiated(load.port, called=load.called)
    with peer:
        message = Message(f"{load.series}.{association}", load.size, raw.longest_pdu(accept))
        barrier.wait(60)
        begun = time.monotonic()
        for number in range(load.each):
            peer.sendall(message.numbered(number))
            # storescp and Orthanc send an answer in two segments, the second when the first is acknowledged:
            # at once here, for else they would be measured by the 40 ms of a delayed acknowledgement.
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            _, answer = raw.read_pdu(peer)
            if raw.status_in(answer) != 0x0000:
                raise RuntimeError(answer.hex())
        ended = time.monotonic()
        peer.sendall(raw.pdu(_RELEASE_RQ, b"\0\0\0\0"))
        raw.read_pdu(peer)
    spans.put((begun, ended))


class Message:
    """A C-STORE-RQ and its dataset as P-DATA-TF PDUs, of which only the SOP Instance UID changes."""

    def __init__(self, series: str, size: int, longest_pdu: int) -> None:
        uid = f"{series}.{_NUMBER}"
        ds = changed(ct_slice(1, series, size), SOPInstanceUID=uid, StudyInstanceUID=series + ".0")
        request = raw.command(raw.C_STORE_RQ, raw.CT, uid, raw.DATASET)
        fragments = raw.fragmented(_CONTEXT, encoded(ds, raw.EXPLICIT), longest_pdu - 6)
        self._bytes = bytearray(raw.p_data(_CONTEXT, raw.LAST | raw.COMMAND, request) + fragments)
        digits = str(_NUMBER).encode()
        self._places = []
        at = self._bytes.find(uid.encode())
        while at >= 0:
            self._places.append(slice(at + len(uid) - len(digits), at + len(uid)))
            at = self._bytes.find(uid.encode(), at + 1)
        assert len(self._places) == 2

    def numbered(self, number: int) -> bytearray:
        """The bytes for one instance; they hold until the next one is asked for."""
        for place in self._places:
            self._bytes[place] = str(_NUMBER + number).encode()
        return self._bytes
