"""One association with a destination: opened with every time limit set, its contexts as asked for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from ctsma_node.errors import NodeError, SettingsError
from ctsma_node.tls import CheckingContext, ClientContext

NATIVE = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
"""Transfer syntaxes that one can be rewritten into the other without touching a pixel."""

_END_S = 5.0
"""How long a lost association may take to end by itself."""

_PART = 65536
_UNSUPPORTED = frozenset({3, 4})
"""Results of a context that say that its class or syntax is not taken; 1 and 2 do not (PS3.8 table 9-18)."""


@dataclass(frozen=True)
class Peer:
    """A Storage SCP: where it listens, what it is called, what we are called, and how long to wait for it."""

    host: str
    port: int
    ae_title: str  # called AE title
    calling_ae_title: str
    connect_s: float = 10.0  # TCP connect; pynetdicom's own default waits for ever
    acse_s: float = 30.0  # A-ASSOCIATE-AC and A-RELEASE-RP
    dimse_s: float = 120.0  # one C-STORE-RSP, counted from when its request was queued: the transfer included
    network_s: float = 120.0  # silence on the association; a blocked send, or a PDU until it is whole, too
    tls: ClientContext | None = None  # None: not encrypted

    @property
    def answer_s(self) -> float:
        """Seconds after which a request that nothing answers is given up."""
        return min(self.dimse_s, self.network_s)


class DeliveryError(NodeError):
    """A destination did not do what it was asked; the message says why."""


class AssociationError(DeliveryError):
    """The association was not opened; the message says why. Trying later may help."""


class ContextsError(DeliveryError):
    """The peer accepts none of the proposed presentation contexts: it does not store these SOP classes."""


def proposed_contexts(kinds: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """Exactly the contexts that instances of `kinds`, pairs of SOP class and transfer syntax UID, need.

    One transfer syntax a context, so that the peer accepts or rejects each by itself (PS3.8 9.3.3.2: it
    picks one per context). A native instance gets explicit VR first and implicit VR, which every peer must
    know (PS3.5 10.1), as its fallback.
    """
    wanted: dict[tuple[str, str], None] = {}
    for sop_class, syntax in kinds:
        for each in NATIVE if syntax in NATIVE else (syntax,):
            wanted[(sop_class, each)] = None
    return [build_context(sop_class, syntax) for sop_class, syntax in wanted]


def open_association(
    peer: Peer, contexts: list[PresentationContext], handlers: Iterable[evt.EventHandlerType] = ()
) -> Association:
    """An established association; `handlers` are bound beside those that every association has.

    Raises `AssociationError` (nobody there, rejected, no answer) or `ContextsError` (accepted, but for
    nothing that we have).
    """
    ae = AE(ae_title=peer.calling_ae_title)
    ae.connection_timeout = peer.connect_s
    ae.acse_timeout = peer.acse_s
    ae.dimse_timeout = peer.dimse_s
    ae.network_timeout = peer.network_s
    bound: list[evt.EventHandlerType] = [
        (evt.EVT_CONN_OPEN, _limit_socket, [peer.network_s]),
        (evt.EVT_DATA_SENT, _acknowledge_at_once),
        (evt.EVT_CONN_CLOSE, _wake_sender),
        *handlers,
    ]
    security = _security(peer)
    name = peer.host if peer.tls is None else peer.tls.name
    try:
        assoc = ae.associate(
            peer.host,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            evt_handlers=bound,
            tls_args=None if security is None else (security, name),
        )
    except OSError as error:  # a host name that does not resolve
        raise AssociationError(f"{peer.host}: {error.strerror or type(error).__name__}") from error
    if not assoc.is_established:
        raise _why_not(assoc, peer, security)
    keep_responses_for_sender(assoc)
    return assoc


def accepted(assoc: Association) -> frozenset[tuple[str, str]]:
    """Pairs of SOP class and transfer syntax UID that the peer agreed to store."""
    return frozenset((str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in assoc.accepted_contexts)


def leave(assoc: Association) -> None:
    """Release an association that is up, and see one that was lost to its end.

    pynetdicom marks a lost association as such in its own thread, a moment after the sender was told: a
    release sent in between would wait for an answer until the ACSE timeout.
    """
    if assoc.acse.is_aborted():
        assoc.join(_END_S)
    elif assoc.is_established:
        assoc.release()
    if assoc.is_alive():
        assoc.abort()


def keep_responses_for_sender(assoc: Association) -> None:
    """Let only those take a message who wait for one, and only the response to what they asked.

    pynetdicom 3.0.4 means to pause an association's own thread while `send_c_store` waits, but starts to send
    while that thread is still waking from the pause before: it then takes the response off the queue as if it
    were a request, and the sender waits for the whole DIMSE timeout (13 of 2,680 stores on a busy machine).
    That thread asks without blocking; it has nothing to take here, for an SCU is sent no requests.

    It also takes whatever comes next for the response. Of a peer that answers twice, the second Success would
    be that of the next instance.
    """
    take, send = assoc.dimse.get_msg, assoc.dimse.send_msg
    asked: list[Any] = []  # requests, in the order sent

    def note(primitive: Any, context_id: int) -> None:
        if primitive.MessageIDBeingRespondedTo is None:
            asked.append(primitive)
        send(primitive, context_id)

    def take_response(block: bool = False) -> tuple[int | None, Any]:
        while block:
            context_id, message = take(block=True)
            if message is None or _answers(message, asked[-1]):
                return context_id, message
            if not any(_answers(message, each) for each in asked[:-1]):
                break  # to nothing that was asked: nothing else that it says can be trusted
        return None, None

    assoc.dimse.send_msg, assoc.dimse.get_msg = note, take_response


def _answers(message: Any, request: Any) -> bool:
    """Whether a message is a response to that request (PS3.7 9.3: its Message ID, and of its kind)."""
    return isinstance(message, type(request)) and message.MessageIDBeingRespondedTo == request.MessageID


def _security(peer: Peer) -> CheckingContext | None:
    """The TLS context of an association; its files may be renewed between one and the next."""
    try:
        return None if peer.tls is None else peer.tls.context()
    except SettingsError as error:
        raise AssociationError(str(error)) from error


def _why_not(assoc: Association, peer: Peer, security: CheckingContext | None) -> NodeError:
    if security is not None and security.failure is not None:
        return AssociationError(f"no TLS with {peer.host}:{peer.port}: {security.failure}")
    answer = assoc.acceptor.primitive
    if assoc.is_rejected and answer is not None:
        where = f"{answer.result}/{answer.result_source}/{answer.diagnostic}"
        return AssociationError(f"association rejected: {answer.reason_str} ({where}, PS3.8 table 9-21)")
    if assoc.rejected_contexts:
        none = "the peer accepts none of the proposed presentation contexts"
        final = all(context.result in _UNSUPPORTED for context in assoc.rejected_contexts)
        return ContextsError(none) if final else AssociationError(f"{none}, for no reason that lasts")
    if answer is None:
        return AssociationError(
            f"no association with {peer.host}:{peer.port} (nobody listens, or no answer in time)"
        )
    return AssociationError("the peer aborted the association while it was opened")


def _limit_socket(event: Event, seconds: float) -> None:
    """Let nothing block past `seconds`, and send short messages at once.

    pynetdicom 3.0.4 lifts every limit from the socket once it is connected. A peer that stops reading, or
    stops in the middle of a PDU, would hold the association's thread for ever, and `abort` waits for that
    thread. The limit is Python's own, for TLS takes no notice of SO_RCVTIMEO and SO_SNDTIMEO. Nagle's
    algorithm would wait for a delayed acknowledgement (40 ms on Linux) between the parts of each C-STORE
    request.
    """
    transport = event.assoc.dul.socket
    if transport is None or transport.socket is None:
        return
    transport.socket.settimeout(seconds)
    transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport.recv = partial(_receive, transport.socket, seconds)


def _receive(connection: socket.socket, seconds: float, count: int) -> bytearray:
    """Read the header of a PDU or the rest of it; shorter where the peer closed or takes longer than that.

    The limit of the socket is that of one silence: a peer that brings a byte now and then would keep to it.
    """
    received, ends_at = bytearray(), time.monotonic() + seconds
    while len(received) < count and time.monotonic() < ends_at:
        part = connection.recv(min(count - len(received), _PART))
        if not part:
            break
        received += part
    return received


def _acknowledge_at_once(event: Event) -> None:
    """Have the kernel acknowledge the start of a response without delay.

    A peer that writes the header and the body of its response separately and leaves Nagle's algorithm on, as
    DCMTK and so Orthanc do, sends the body only when the header is acknowledged: 40 ms later on Linux, for
    every instance. The option holds until the next send, so each send sets it again (tcp(7)).
    """
    transport = event.assoc.dul.socket
    quick = getattr(socket, "TCP_QUICKACK", None)  # Linux has it
    if quick is not None and transport is not None and transport.socket is not None:
        with suppress(OSError):  # closed meanwhile, which whoever waits for the response is told anyway
            transport.socket.setsockopt(socket.IPPROTO_TCP, quick, 1)


def _wake_sender(event: Event) -> None:
    """Tell whoever waits for a response that none will come.

    pynetdicom 3.0.4 leaves the caller of `send_c_store` waiting for the whole DIMSE timeout when the peer
    aborts or the connection breaks; an empty message is what its queue gives at that timeout.
    """
    event.assoc.dimse.msg_queue.put((None, None))
