"""Storage Commitment SCU (PS3.4 annex J): asks a peer to answer for a set, and takes a report at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from threading import Event as Flag
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.events import Event
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from ctsma_node.commitment import read_report
from ctsma_node.deliver.association import NATIVE, Peer, leave, open_association, proposed_contexts
from ctsma_node.deliver.c_find import Unanswered
from ctsma_node.records import CommitmentReport

_REQUEST = 1  # Action Type ID: Request Storage Commitment (PS3.4 table J.3-1)
_PROCESSING_FAILURE, _INVALID_ARGUMENT = 0x0110, 0x0115  # PS3.7 annex C
_LOOK_S = 0.05


class Verdict(StrEnum):
    """What follows from an answer for an instance that was sent."""

    PROVEN = "proven"
    MISSING = "missing"  # send it again
    LATER = "later"  # ask again
    NEVER = "never"  # the same answer would come again


REASONS = {
    0x0110: (Verdict.LATER, "processing failure"),
    0x0112: (Verdict.MISSING, "no such object instance"),
    0x0119: (Verdict.NEVER, "the peer holds another SOP class under this UID"),
    0x0122: (Verdict.NEVER, "the peer commits to no instance of this SOP class"),
    0x0131: (Verdict.LATER, "duplicate transaction UID"),
    0x0213: (Verdict.LATER, "resource limitation"),
}
"""Failure reasons (PS3.3 C.14.1.1): what follows, and the meaning."""


def judge(reason: int) -> tuple[Verdict, str]:
    """What a Failure Reason (PS3.3 C.14.1.1) of a report means, and a sentence.

    A reason outside the standard's list says neither that the instance is there nor that it is not.
    """
    verdict, text = REASONS.get(reason, (Verdict.LATER, "a reason that the standard does not list"))
    return verdict, f"not committed: {text} (0x{reason:04X}, PS3.3 C.14.1.1)"


@dataclass(frozen=True)
class Wanted:
    """An instance that the peer shall answer for."""

    sop_class_uid: str
    sop_instance_uid: str


def ask(
    peer: Peer,
    transaction_uid: str,
    instances: Iterable[Wanted],
    wait_on: Callable[[], bool],
    longest_wait_s: float,
    take: Callable[[CommitmentReport], None],
) -> None:
    """Request Storage Commitment, and let `take` have each report that comes over this same association.

    The peer is free to send it over this association or over one that it opens itself (PS3.4 J.3.3), so the
    association is kept for `longest_wait_s` after the request was accepted, while `wait_on` says so. It is
    as free to bring a report here that an earlier request asked for. `take` is called on another thread; only
    what it does not raise for is acknowledged.
    Raises AssociationError, ContextsError, and Unanswered where the peer does not take the request.
    """
    taken = _Taken(transaction_uid, take)
    contexts = proposed_contexts([(str(StorageCommitmentPushModel), NATIVE[0])])
    handlers: list[evt.EventHandlerType] = [
        (evt.EVT_N_EVENT_REPORT, taken.take),
        (evt.EVT_PDU_SENT, taken.note_answered),
    ]
    assoc = open_association(peer, contexts, handlers)
    try:
        early = _request(assoc, _action_information(transaction_uid, instances))
        deadline = time.monotonic() + longest_wait_s
        while assoc.is_established and time.monotonic() < deadline:
            if taken.answered.wait(_LOOK_S) or not (early or taken.is_answering or wait_on()):
                break
    finally:
        leave(assoc)


class _Taken:
    """What came over the requesting association."""

    def __init__(self, transaction_uid: str, take: Callable[[CommitmentReport], None]) -> None:
        self.is_answering = False
        self.answered = Flag()  # the report that was asked for
        self._transaction_uid = transaction_uid
        self._take = take
        self._came = False

    def take(self, event: Event) -> tuple[int, Dataset | None]:
        self.is_answering = True
        try:
            report = read_report(event.event_information)
        except Exception:  # whatever the bytes do to the decoder, the report is none
            return _INVALID_ARGUMENT, None
        try:
            self._take(report)
        except Exception:  # nothing is acknowledged that was not kept
            return _PROCESSING_FAILURE, None
        self._came |= report.transaction_uid == self._transaction_uid
        return 0x0000, None

    def note_answered(self, event: Event) -> None:
        """The first message sent after a report came is the response to it: the association may end."""
        if not isinstance(event.pdu, P_DATA_TF):
            return
        self.is_answering = False
        if self._came:
            self.answered.set()


def _request(assoc: Association, information: Dataset) -> bool:
    """Send the N-ACTION; says whether the report came before its response."""
    early = _set_reports_aside(assoc)
    try:
        status, _ = assoc.send_n_action(
            information, _REQUEST, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
    except RuntimeError:  # not established any more
        raise Unanswered("the association was lost before the peer answered the N-ACTION") from None
    finally:
        _serve_reports(assoc, early)
    code = status.get("Status")
    if code is None:
        raise Unanswered("no answer to the N-ACTION")
    if code != 0x0000:
        raise Unanswered(f"N-ACTION answered with 0x{code:04X} (PS3.7 10.1.4)")
    return bool(early)


def _set_reports_aside(assoc: Association) -> list[tuple[Any, Any]]:
    """Keep a report that comes before the response to its request from being taken for that response."""
    early: list[tuple[Any, Any]] = []
    take = assoc.dimse.get_msg

    def next_response(block: bool = False) -> tuple[Any, Any]:
        while True:
            context_id, message = take(block)
            if not (isinstance(message, N_EVENT_REPORT) and message.is_valid_request):
                return context_id, message
            early.append((context_id, message))

    assoc.dimse.get_msg = next_response
    return early


def _serve_reports(assoc: Association, early: list[tuple[Any, Any]]) -> None:
    """From here on the association's own thread takes what comes: requests of the peer, not responses."""
    for each in early:
        assoc.dimse.msg_queue.put(each)
    with suppress(AttributeError):
        del assoc.dimse.get_msg


def _action_information(transaction_uid: str, instances: Iterable[Wanted]) -> Dataset:
    """PS3.4 table J.3-2: the references, and nothing of the patient or the study."""
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    ds.ReferencedSOPSequence = [_reference(each) for each in instances]
    return ds


def _reference(instance: Wanted) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item
