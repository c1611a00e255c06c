"""What happens to one C-STORE request: the answer, and where its bytes went.

0000 is answered only when the file is durable *and* its row is committed. Everything that is not stored but
could be read off the wire goes into quarantine, under the hash of its bytes, so a peer that sends the same
bad instance again and again fills nothing.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from threading import Lock
from zlib import crc32

from ctsma_node import log
from ctsma_node.ledger.inbox import Inbox
from ctsma_node.receive.adopt import adopt
from ctsma_node.receive.arriving import ArrivingDataset, chunks_of, sha256_of, size_of
from ctsma_node.receive.header import Header, read_header
from ctsma_node.receive.part10 import preamble_and_meta
from ctsma_node.receive.refusal import (
    INVALID_UID,
    MISMATCH,
    OUT_OF_RESOURCES,
    UNREADABLE,
    Refusal,
    Unfit,
)
from ctsma_node.receive.transfers import Transfers
from ctsma_node.records import Association, Instance, Quarantined, Received
from ctsma_node.spool import Spool, free_bytes
from ctsma_node.uids import is_uid

_LOCKS = 64
CONFLICT = "same_uid_other_bytes"
"""Quarantine code of a second instance under a SOP Instance UID that is taken."""


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ and what is known of the association it came over."""

    association: Association
    called_ae: str
    context_sop_class: str  # abstract syntax of the presentation context
    transfer_syntax: str
    sop_class_uid: str  # Affected SOP Class UID, as the peer sent it
    sop_instance_uid: str  # Affected SOP Instance UID, as the peer sent it
    dataset: BytesIO  # encoded, without file meta information; up to gigabytes, so never copied

    @property
    def size(self) -> int:
        """Bytes of the encoded dataset."""
        return size_of(self.dataset)


class Store:
    """Takes requests from any thread; two with the same SOP Instance UID wait for one another."""

    def __init__(
        self,
        inbox: Inbox,
        spool: Spool,
        quarantine: Spool,
        min_free_bytes: int,
        clock: Callable[[], float] = time.time,
        count: Callable[[str], None] = lambda outcome: None,
        transfers: Transfers | None = None,
        least_free: Callable[[int], int] = lambda min_free_bytes: min_free_bytes,
    ) -> None:
        self._transfers = transfers
        self._inbox = inbox
        self._spool = spool
        self._quarantine = quarantine
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._count = count
        self._least_free = least_free  # with the room for results
        self._locks = tuple(Lock() for _ in range(_LOCKS))

    def __call__(self, request: StoreRequest) -> Refusal | None:
        """Store an instance; returns None for success, or why it is not stored. Raises nothing."""
        logger = log.logger.bind(
            association=request.association.id, calling_ae=request.association.calling_ae
        )
        try:
            self._keep_room(request)
            try:
                self._store(request, logger)
            except Unfit as unfit:
                path = self._set_aside(request, unfit.refusal.code)
                logger.warning("instance.not_stored", code=unfit.refusal.code, path=path)
                self._count(unfit.refusal.code)
                return unfit.refusal
        except (OSError, sqlite3.Error) as error:
            logger.error("instance.out_of_resources", code=OUT_OF_RESOURCES.code, error=type(error).__name__)
            self._count(OUT_OF_RESOURCES.code)
            return OUT_OF_RESOURCES
        return None

    def lock_of(self, digest: str) -> Lock:
        """Return the lock that whoever writes or removes the file of that hash holds.

        Any other text has one, too: what lies in the spool under a strange name is looked at alike.
        """
        return self._locks[crc32(digest.encode()) % _LOCKS]

    def _keep_room(self, request: StoreRequest) -> None:
        if isinstance(request.dataset, ArrivingDataset) and request.dataset.is_lost:
            raise OSError("too long, or there was no room for it when it came")
        if free_bytes(self._spool.folder) - request.size < self._least_free(self._min_free_bytes):
            raise OSError("less than min_free_bytes and the room for results would be left")

    def _store(self, request: StoreRequest, logger: log.Logger) -> None:
        header = _checked(request)
        digest = hashlib.sha256(header.sop_instance_uid.encode("ascii")).hexdigest()
        sha256 = sha256_of(request.dataset)
        logger = logger.bind(series=header.series_uid, instance=header.sop_instance_uid)
        with self.lock_of(digest):
            there = self._present(header.sop_instance_uid, digest)
            if there is None:
                path = self._add(request, header, digest, sha256)
                logger.info("instance.stored", size=request.size)
                self._tell(request, header, path, is_new=True)
                self._count("stored")
            elif there.sha256 == sha256:
                logger.info("instance.sent_again")
                self._tell(request, header, there.path, is_new=False)
                self._count("sent_again")
        if there is not None and there.sha256 != sha256:
            # Only now: the lock of what goes into quarantine may be the very one that was held.
            path = self._set_aside(request, CONFLICT)
            logger.error("instance.conflict", code=CONFLICT, path=path)
            self._count(CONFLICT)

    def _present(self, sop_instance_uid: str, digest: str) -> Instance | None:
        """Return the row of an instance whose file is really there.

        Marks a row whose file is not, and adopts a file that has no row yet: the first one is kept, whenever
        it came.
        """
        row = self._inbox.find(sop_instance_uid)
        if row is not None and row.purged_at is not None:
            return None
        path = self._spool.relative(digest)
        if not self._spool.path(path).exists():
            if row is not None and row.missing_at is None:
                self._inbox.mark_missing([path], self._clock())
            return None
        if row is None or row.missing_at is not None:
            adopt(self._inbox, self._spool, [path], self._clock())
            row = self._inbox.find(sop_instance_uid)
        return None if row is None or row.missing_at is not None else row

    def _tell(self, request: StoreRequest, header: Header, path: str, *, is_new: bool) -> None:
        if self._transfers is not None:
            self._transfers.stored(
                request.association,
                header.study_uid,
                header.sop_class_uid,
                self._spool.path(path),
                is_new=is_new,
            )

    def _add(self, request: StoreRequest, header: Header, digest: str, sha256: str) -> str:
        """File first, row second: the file is the truth, and a file without a row is adopted at start."""
        meta = preamble_and_meta(
            header.sop_class_uid,
            header.sop_instance_uid,
            request.transfer_syntax,
            request.association.calling_ae,
            request.called_ae,
        )
        path = self._spool.write(digest, chain((meta,), chunks_of(request.dataset)))
        try:
            self._inbox.add(
                Received(
                    sop_instance_uid=header.sop_instance_uid,
                    sop_class_uid=header.sop_class_uid,
                    transfer_syntax=request.transfer_syntax,
                    series_uid=header.series_uid,
                    study_uid=header.study_uid,
                    association_id=request.association.id,
                    calling_ae=request.association.calling_ae,
                    address=request.association.address,
                    received_at=self._clock(),
                    path=path,
                    size=request.size,
                    sha256=sha256,
                    geometry=header.geometry,
                )
            )
        except BaseException:
            self._spool.remove(path)
            raise
        return path

    def _set_aside(self, request: StoreRequest, code: str) -> str:
        """Put the bytes into quarantine, once; returns where."""
        if self._transfers is not None:
            self._transfers.set_aside(request.association, code)
        sha256 = sha256_of(request.dataset)
        path = self._quarantine.relative(sha256)
        with self.lock_of(sha256):
            if self._quarantine.path(path).exists():
                return path
            meta = _quarantine_meta(request)
            self._quarantine.write(sha256, chain((meta,), chunks_of(request.dataset)))
            try:
                self._inbox.add_quarantined(_quarantined(request, code, path, sha256, self._clock()))
            except BaseException:
                self._quarantine.remove(path)
                raise
        return path


def _checked(request: StoreRequest) -> Header:
    """Return the header of the dataset; raises Unfit when it is not what the request says it is."""
    if not (is_uid(request.sop_instance_uid) and is_uid(request.sop_class_uid)):
        raise Unfit(INVALID_UID)
    if request.sop_class_uid != request.context_sop_class:
        raise Unfit(MISMATCH)
    if request.size == 0:
        raise Unfit(UNREADABLE)
    header = read_header(request.dataset, request.transfer_syntax)
    claimed = (request.sop_class_uid, request.sop_instance_uid)
    if (header.sop_class_uid, header.sop_instance_uid) != claimed:
        raise Unfit(MISMATCH)
    return header


def _quarantine_meta(request: StoreRequest) -> bytes:
    return preamble_and_meta(
        _uid_or_none(request.sop_class_uid),
        _uid_or_none(request.sop_instance_uid),
        request.transfer_syntax,
        request.association.calling_ae,
        request.called_ae,
    )


def _quarantined(request: StoreRequest, code: str, path: str, sha256: str, at: float) -> Quarantined:
    return Quarantined(
        received_at=at,
        code=code,
        association_id=request.association.id,
        calling_ae=request.association.calling_ae,
        address=request.association.address,
        sop_instance_uid=_uid_or_none(request.sop_instance_uid),
        transfer_syntax=request.transfer_syntax,
        path=path,
        size=request.size,
        sha256=sha256,
    )


def _uid_or_none(text: str) -> str | None:
    return text if is_uid(text) else None
