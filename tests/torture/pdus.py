"""Hostile conversations: PDUs, requests and messages made wrong by a seed, against the real receiver.

Between them a sender that means well, from another address, asks for a C-ECHO and stores: it must be
answered. The receiver is a process of its own; its log must hold no error, and threads, descriptors and
memory must be back when all have gone.
"""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmarks.siege import held, memory, receiver, settled
from tests.fixtures import raw_peer as raw
from tests.fixtures.encoded import ct_slice, encoded
from tests.torture.conversations import Answers, Conversation, conversation, datasets, hold
from tests.torture.run import Run, Tally

SHORT, LONG = 1_500, 100_000

_PEERS = 12
_EVERY = 100  # conversations, then one that means well
_IN_TIME_S = 20.0
_MOST_MIB = 64.0
_LIMITS = "max_new_per_s = 10000\n"  # that there may be only so many a second is tested elsewhere
_FORESEEN = frozenset({"instance.conflict"})
"""Errors that are a person's to see and no fault: two instances under one UID."""

_NAMES = {0: "closed", 2: "accepted", 3: "rejected", 4: "message", 6: "released", 7: "aborted"}


def torment(run: Run) -> None:
    """Hold the conversations, twelve at a time."""
    with receiver(run.folder, _LIMITS) as (process, port, _):
        fresh = held(process)
        for number in range(3):  # what is loaded at first use counts as there before
            _send_well(port, number, run.tally)
        before, rss = settled(process, fresh), memory(process, "VmRSS")
        _converse(run, port)
        after = settled(process, before)
        highest = memory(process, "VmHWM") - rss
        _send_well(port, 3, run.tally)
    for name, now, then in zip(("threads", "descriptors"), after, before, strict=True):
        run.tally.figure(f"{name} before and after", f"{then}, {now}")
        if now > then:
            run.tally.fault(f"{name} left", str(now - then))
    run.tally.figure("memory, highest above the start", f"{highest:.0f} MiB")
    if highest > _MOST_MIB:
        run.tally.fault("memory", f"{highest:.0f} MiB more than at the start")
    _read_log(run.folder / "log", run.tally)
    _look_for_strays(run.folder, run.tally)


def _converse(run: Run, port: int) -> None:
    """The conversations in the order of the seed; the good sender in between."""
    instances = datasets()
    held_now: deque[tuple[Conversation, Future[Answers]]] = deque()
    with ThreadPoolExecutor(_PEERS) as peers:
        for number in run.rounds():
            said = conversation(run.random, instances)
            run.tally.count("conversations")
            run.tally.count("PDUs", len(said.pdus))
            address = f"127.0.1.{number % 200 + 1}"
            held_now.append((said, peers.submit(hold, port, said, address, _IN_TIME_S)))
            if len(held_now) > 2 * _PEERS:
                _judge(*held_now.popleft(), run.tally)
            if number % _EVERY == 0:
                _send_well(port, number // _EVERY + 10, run.tally)
        for said, answers in held_now:
            _judge(said, answers, run.tally)


def _judge(said: Conversation, outcome: Future[Answers], tally: Tally) -> None:
    try:
        answers = outcome.result()
    except OSError as error:
        tally.fault("receiver not reached", repr(error))
        return
    for kind in answers.kinds:
        tally.count(f"answers: {_NAMES.get(kind, f'PDU {kind:02X}')}")
    for status in answers.statuses:
        tally.count(f"status {status:04X}")
    if answers.late:
        tally.fault(answers.late, b" ".join(said.pdus).hex()[:2000])


def _send_well(port: int, number: int, tally: Tally) -> None:
    """A C-ECHO and a C-STORE, both of which succeed, over an association that is released."""
    ds = ct_slice(number, "1.2.826.0.1.3680043.2.1125.5", size=16)
    store = raw.command(raw.C_STORE_RQ, raw.CT, str(ds.SOPInstanceUID), raw.DATASET)
    try:
        with raw.associated(port, source_address="127.0.0.2") as peer:
            peer.settimeout(_IN_TIME_S)
            peer.sendall(raw.p_data(1, raw.LAST | raw.COMMAND, raw.command(raw.C_ECHO_RQ)))
            echoed = raw.status_in(raw.read_pdu(peer)[1])
            peer.sendall(raw.p_data(3, raw.LAST | raw.COMMAND, store))
            peer.sendall(raw.p_data(3, raw.LAST, encoded(ds, raw.IMPLICIT)))
            stored = raw.status_in(raw.read_pdu(peer)[1])
            peer.sendall(raw.pdu(5, b"\0\0\0\0"))
            released = raw.read_pdu(peer)[0]
    except OSError as error:
        tally.fault("good sender not served", repr(error))
        return
    if (echoed, stored, released) == (0, 0, 6):
        tally.count("good C-ECHO and C-STORE, answered")
    else:
        tally.fault("good sender not served", f"{echoed}, {stored}, {released}")


def _read_log(path: Path, tally: Tally) -> None:
    """Count what was logged; an error that is not foreseen, and what is no event, is a fault."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            tally.fault("not an event in the log", line[:200])
            continue
        if event["level"] in ("error", "critical") and event["action"] not in _FORESEEN:
            tally.fault("error in the log", line[:400])
        elif event["level"] == "warning":
            tally.count(f"logged: {event['action']}")


def _look_for_strays(folder: Path, tally: Tally) -> None:
    """No peer may have had a file made outside the folders that are for it."""
    for path in folder.rglob("*"):
        if path.suffix == ".part":
            tally.fault("part file left", str(path.relative_to(folder)))
        if path.suffix == ".dcm":
            name = path.relative_to(folder / "state")
            if name.parts[0] not in ("spool", "quarantine") or len(name.parts) != 3:
                tally.fault("file outside its folder", str(name))
