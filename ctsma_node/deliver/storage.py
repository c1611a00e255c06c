"""Sends instances over Storage SCU and says, for each, how it ended (PS3.4 annex B)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from ctsma_node.deliver.association import (
    NATIVE,
    AssociationError,
    ContextsError,
    Peer,
    accepted,
    leave,
    open_association,
    proposed_contexts,
)
from ctsma_node.deliver.status import Outcome, classify

# A path given to send_c_store is then sent as the bytes that lie on disk, unread: the peer gets what was
# written, and a 6 MB segmentation is not decoded and encoded again. The flag is read for paths alone.
_config.STORE_SEND_CHUNKED_DATASET = True


@dataclass(frozen=True)
class Outgoing:
    """An instance on disk, ready to be sent."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@dataclass(frozen=True)
class Answer:
    """How the sending of one instance ended."""

    instance: Outgoing
    outcome: Outcome
    status: int | None  # DIMSE status; None when the peer gave none
    text: str


class _LostError(Exception):
    """The association ended under a request."""


def read_outgoing(path: Path) -> Outgoing:
    """An instance by the file meta information of its Part 10 file; raises ValueError when it is not one."""
    try:
        meta = read_file_meta_info(path)
        return Outgoing(
            path,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
    except (InvalidDicomError, AttributeError, EOFError) as error:
        raise ValueError(f"{path}: not a DICOM Part 10 file") from error


def store(
    peer: Peer, instances: Sequence[Outgoing], stop: Callable[[], bool] = lambda: False
) -> Iterator[Answer]:
    """Send `instances` in their order and give one answer for each, as it comes.

    One association carries them all. Where it is lost on the way, the instance in flight is given back as
    transient and a new association goes on behind it, so that an instance that a peer chokes on does not
    hold back those after it. Where an association carried no answer at all, it goes on behind all instances
    of that SOP class: a set has several of a kind, and a peer chokes on them alike. A peer that is silent,
    rather than hangs up, is waited for twice. When `stop` says so, the rest is left without an answer.
    """
    waiting, silences = list(instances), 0
    while waiting and not stop():
        try:
            contexts = proposed_contexts((each.sop_class_uid, each.transfer_syntax) for each in waiting)
            assoc = open_association(peer, contexts)
        except AssociationError as error:
            yield from (Answer(each, Outcome.TRANSIENT, None, str(error)) for each in waiting)
            return
        except ContextsError as error:
            yield from (Answer(each, Outcome.PERMANENT, None, str(error)) for each in waiting)
            return
        began, answers = time.monotonic(), list[Answer]()
        try:
            for answer in _over(assoc, waiting, stop):
                waiting.remove(answer.instance)
                answers.append(answer)
                yield answer
        finally:
            leave(assoc)
        if answers and all(answer.status is None for answer in answers) and not stop():
            silences += time.monotonic() - began >= peer.answer_s
            alike = waiting if silences > 1 else of_class(answers[-1].instance.sop_class_uid, waiting)
            lost = "left unsent: the association was lost before the peer stored anything"
            yield from (Answer(each, Outcome.TRANSIENT, None, lost) for each in alike)
            waiting = [each for each in waiting if each not in alike]


def echo(peer: Peer) -> tuple[bool, str]:
    """Verification (PS3.4 annex A): whether the peer answers a C-ECHO, and a sentence about it."""
    try:
        assoc = open_association(peer, proposed_contexts([(str(Verification), NATIVE[1])]))
    except (AssociationError, ContextsError) as error:
        return False, str(error)
    try:
        status = assoc.send_c_echo()
        answered = "Status" in status and status.Status == 0
        return answered, "answers" if answered else "no answer to the C-ECHO"
    finally:
        leave(assoc)


def of_class(sop_class_uid: str, instances: Sequence[Outgoing]) -> list[Outgoing]:
    """Those of one SOP class."""
    return [each for each in instances if each.sop_class_uid == sop_class_uid]


def _over(assoc: Association, waiting: Sequence[Outgoing], stop: Callable[[], bool]) -> Iterator[Answer]:
    """Answers of one association; ends early when it is lost or `stop` says so."""
    agreed = accepted(assoc)
    for number, instance in enumerate(tuple(waiting)):
        if stop():
            return
        try:
            yield _send(assoc, instance, agreed, number % 0xFFFF + 1)
        except _LostError:
            leave(assoc)
            lost = "the association was lost before the peer answered"
            yield Answer(instance, Outcome.TRANSIENT, None, lost)
            return


def _send(
    assoc: Association, instance: Outgoing, agreed: frozenset[tuple[str, str]], message_id: int
) -> Answer:
    """Send one instance; raises _LostError when no answer came and none will."""
    syntax = _agreed_syntax(instance, agreed)
    if syntax is None:
        unsupported = "the peer accepted no presentation context for this SOP class"
        return Answer(instance, Outcome.PERMANENT, None, unsupported)
    try:
        dataset = instance.path if syntax == instance.transfer_syntax else dcmread(instance.path)
        answer = assoc.send_c_store(dataset, msg_id=message_id)
    except FileNotFoundError:
        return Answer(instance, Outcome.PERMANENT, None, "the instance's file is gone")
    except RuntimeError as error:  # not established any more
        raise _LostError from error
    except (OSError, ValueError, AttributeError) as error:
        return Answer(instance, Outcome.TRANSIENT, None, f"could not be sent ({type(error).__name__})")
    if "Status" not in answer:
        raise _LostError
    meaning = classify(answer.Status)
    return Answer(instance, meaning.outcome, answer.Status, f"{meaning.text} ({meaning.clause})")


def _agreed_syntax(instance: Outgoing, agreed: frozenset[tuple[str, str]]) -> str | None:
    """The instance's own transfer syntax where the peer takes it, else the other native one, else None."""
    own = instance.transfer_syntax
    choices = (own, *NATIVE) if own in NATIVE else (own,)
    return next((each for each in choices if (instance.sop_class_uid, each) in agreed), None)
