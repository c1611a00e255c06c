"""The order of what makes a set of results durable and of its sending, as the kernel saw it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tests.acceptance.site import Pacs, until
from tests.conftest import RequireTool
from tests.fixtures.strace import Call, Strace
from tests.torture.node import TortureNode
from tests.torture.traffic import Book, send, series

_TRACED = "trace=openat,write,pwrite64,fsync,fdatasync,rename,connect"
_STEPS: dict[str, tuple[str, ...]] = {
    "objects": ("openat", "/outbox/1.part/", "O_CREAT"),
    "objects synced": ("fsync", "/outbox/1.part/"),
    "folder synced": ("fsync", "/outbox/1.part>"),
    "name": ("rename", "/outbox/1.part", '/outbox/1"'),
    "outbox synced": ("fsync", "/outbox>"),
    "rows": ("pwrite64", "/ledger.sqlite3-wal>"),
    "rows synced": ("fdatasync", "/ledger.sqlite3-wal>"),
}


def test_a_set_is_durable_before_it_is_sent(tmp_path: Path, require_tool: RequireTool) -> None:
    pacs = Pacs()
    node = TortureNode(tmp_path, pacs.port)
    try:
        node.start_receiver()
        send(node.port, series(1), Book())
        node.start_worker()
        with Strace(require_tool("strace"), node.pid("work"), tmp_path / "trace", "-e", _TRACED) as traced:
            until(lambda: pacs.stored, "the first object at the PACS")
            calls = traced.calls()
    finally:
        node.close()
        pacs.close()
    made = [each for each in _making(calls) if _name(each) is not None]
    names = [name for name, _ in groupby(map(_name, made))]
    assert names[:7] == list(_STEPS)
    (synced,) = [each for each in made if _name(each) == "rows synced"][:1]
    sent = [each for each in calls if each.is_of("connect", f"htons({pacs.port})")]
    assert synced.ended < sent[0].begun


def _making(calls: list[Call]) -> list[Call]:
    """The calls of the thread that makes the set, from its first object on."""
    first = next(each for each in calls if _name(each) == "objects")
    return [each for each in calls if each.thread == first.thread and each.begun >= first.begun]


def _name(call: Call) -> str | None:
    return next((name for name, step in _STEPS.items() if call.is_of(*step)), None)
