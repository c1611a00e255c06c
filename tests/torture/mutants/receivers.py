"""Wrong receivers, by name: what each does is patched into this process."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from copy import copy
from pathlib import Path
from sqlite3 import Connection
from typing import Any, cast

from pynetdicom import evt

from ctsma_node import spool
from ctsma_node.ledger.sqlite import Writer
from ctsma_node.log import Logger
from ctsma_node.receive import adopt, store
from ctsma_node.receive.server import Receiver
from ctsma_node.receive.store import Store, StoreRequest
from ctsma_node.spool import Spool
from tests.torture.mutants.patch import patch

_P_DATA = 0x04  # PDU type, PS3.8 9.3.1


def acknowledge_first() -> None:
    """Success is on the socket before anything is written."""

    def wrong(self: Receiver, event: evt.Event) -> int:
        request = self._request(event)
        _behind_response(event, lambda: self._store(request))
        return 0x0000

    patch(Receiver, "_on_store", wrong)


def acknowledge_before_quarantine() -> None:
    """Other bytes under a UID that is taken are answered before they are in quarantine."""
    later = threading.local()
    on_store, set_aside = Receiver._on_store, Store._set_aside

    def wrong_set_aside(self: Store, request: Any, code: str) -> str:
        later.act = lambda: set_aside(self, request, code)
        return ""

    def wrong_on_store(self: Receiver, event: evt.Event) -> Any:
        later.act = None
        answer = on_store(self, event)
        if later.act is not None:
            _behind_response(event, later.act)
        return answer

    patch(Store, "_set_aside", wrong_set_aside)
    patch(Receiver, "_on_store", wrong_on_store)


def index_first() -> None:
    """The row is committed before the file is written."""
    add = Store._add

    def wrong(self: Store, *arguments: Any) -> str:
        late, twin = _LateSpool(), copy(self)
        twin._spool = cast(Spool, late)
        path = add(twin, *arguments)
        self._spool.write(*late.asked)
        return path

    patch(Store, "_add", wrong)


def no_fsync() -> None:
    """Files and folders are written, renamed and never synced; the index is."""
    patch(os, "fsync", lambda descriptor: None)


def wal_normal() -> None:
    """Rows are committed without waiting for the disk, and files without rows stay without."""
    transaction = Writer.transaction

    def wrong(self: Writer, *, repeatable: bool = False) -> AbstractContextManager[Connection]:
        return transaction(self, repeatable=True)

    patch(Writer, "transaction", wrong)
    for module in (adopt, store):
        patch(module, "adopt", lambda *_: adopt.Adopted(0, 0))


def no_part_file() -> None:
    """A file is written under its name from the first byte on."""

    def wrong(target: Path, chunks: Iterable[bytes | memoryview]) -> None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for chunk in chunks:
            os.write(descriptor, chunk)
        os.fsync(descriptor)
        os.close(descriptor)
        spool.sync_folder(target.parent)

    patch(spool, "write_durably", wrong)


def parts_kept() -> None:
    """What a receiver that died was writing stays: the next one cannot write it."""
    patch(Spool, "remove_parts", lambda self: 0)


def last_kept() -> None:
    """Other bytes under a UID that is taken replace those that are there."""
    right = Store._store

    def wrong(self: Store, request: StoreRequest, logger: Logger) -> None:
        row = self._inbox.find(request.sop_instance_uid)
        if row is not None and row.sha256 != hashlib.sha256(request.dataset.getbuffer()).hexdigest():
            self._spool.remove(row.path)
        right(self, request, logger)

    patch(Store, "_store", wrong)


def no_locks() -> None:
    """Two that store the same instance do not wait for one another."""
    patch(Store, "lock_of", lambda self, digest: threading.Lock())


MUTANTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        acknowledge_first,
        acknowledge_before_quarantine,
        index_first,
        no_fsync,
        wal_normal,
        no_part_file,
        parts_kept,
        last_kept,
        no_locks,
    )
}


class _LateSpool:
    """Says where a file will lie, and leaves the writing to later."""

    asked: tuple[Any, ...] = ()

    def write(self, digest: str, chunks: Iterable[bytes | memoryview]) -> str:
        self.asked = (digest, chunks)
        return Spool.relative(digest)


def _behind_response(event: evt.Event, act: Callable[[], object]) -> None:
    """Act when the association's next response has been sent, in the thread that sent it."""

    def once(sent: evt.Event) -> None:
        if sent.data[0] == _P_DATA:
            sent.assoc.unbind(evt.EVT_DATA_SENT, once)
            act()

    event.assoc.bind(evt.EVT_DATA_SENT, once)
