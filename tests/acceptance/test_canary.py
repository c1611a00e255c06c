"""A name in every element of 200 series, good and bad, is nowhere in logs, pages, metrics or answers."""

from __future__ import annotations

import itertools
import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.site import CLI, ROOT, Pacs, Site, until
from tests.acceptance.test_web import get
from tests.fixtures import raw_peer as raw
from tests.fixtures.canary import CanarySeries, bad_series, broken_series, good_series

_CANARY = re.compile(rb"zan.{0,3}ry", re.IGNORECASE | re.DOTALL)
_PAGES = ("/", "/destinations", "/node", "/health", "/health/live", "/metrics")
_ENDED = {"delivered", "refused", "failed"}
_SETTINGS = '\n[worker]\nmax_attempts = 1\nsweep_s = 0.05\n[log]\nlevel = "debug"\n'


@pytest.fixture(scope="module")
def pacs() -> Iterator[Pacs]:
    pacs = Pacs()
    yield pacs
    pacs.close()


def send(port: int, series: CanarySeries) -> tuple[list[int | None], bytes]:
    """Store a series over one association; the statuses, and every byte that was answered."""
    peer = raw.associated(port, "SCANNER")
    statuses, said = [], b""
    for instance in series.instances:
        uid = instance.sop_instance_uid
        request = raw.command(raw.C_STORE_RQ, instance.sop_class_uid, uid, raw.DATASET)
        context = raw.context_of(raw.CT, instance.syntax)
        peer.sendall(raw.p_data(context, 3, request) + raw.fragmented(context, instance.dataset))
        _, answer = raw.read_pdu(peer)
        statuses.append(raw.status_in(answer))
        said += answer
    peer.sendall(raw.pdu(5, b"\0\0\0\0"))
    peer.close()
    return statuses, said


def test_no_name_leaves_the_datasets(tmp_path: Path, pacs: Pacs) -> None:
    objects = ("volume", "viewer_report")
    site = Site(tmp_path, pacs.port, objects=objects, long_quiet_s=1.0, more_settings=_SETTINGS)
    site.start_receiver()
    site.start_worker()
    site.start_web()
    good, bad = list(good_series(4)), list(bad_series())
    broken = list(broken_series(200 - len(good) - len(bad)))
    answers: list[bytes] = []
    statuses: Counter[int | None] = Counter()
    for series in itertools.chain(good, bad, broken):
        stored, said = send(site.port, series)
        statuses.update(stored)
        answers.append(said)
    assert len(answers) == 200
    cases = until(lambda: _settled(site), "every case ended", 120)
    states = Counter(str(each["state"]) for each in cases)
    texts = {"log": site.log.read_bytes(), "status": _status(site), "json": _status(site, "--json")}
    texts |= {path.name: path.read_bytes() for path in (tmp_path / "state" / "audit").rglob("*.log")}
    pages = [*_PAGES, *(f"/cases/{each['id']}" for each in cases)]
    texts |= {path: get(site, path)[1].encode() for path in pages}
    texts["ledger"] = _reasons(tmp_path / "state" / "ledger.sqlite3")
    site.close()

    assert states["delivered"] >= len(good)
    assert {0x0000, 0xC000, 0xC001, 0xC003} <= set(statuses)
    assert len({each["code"] for each in cases}) >= 5  # many different ways to be refused
    for name, text in texts.items():
        assert text, name
        assert _CANARY.findall(text) == [], name
    # An answer repeats the UIDs of its request (PS3.7 table 9.3-2), and nothing else that the peer sent.
    for series, said in zip([*good, *bad, *broken], answers, strict=True):
        assert _CANARY.findall(_without_uids(said, series)) == [], series.kind


def _without_uids(said: bytes, series: CanarySeries) -> bytes:
    """Without those of the requests, whole or their first value."""
    for each in series.instances:
        for uid in (each.sop_instance_uid, each.sop_class_uid):
            for part in (uid, uid.partition("\\")[0]):
                said = said.replace(part.encode("latin-1"), b"")
    return said


def _settled(site: Site) -> list[dict[str, Any]] | None:
    cases = site.cases()
    return cases if cases and {each["state"] for each in cases} <= _ENDED else None


def _status(site: Site, *options: str) -> bytes:
    command = [*CLI, "status", *options, "--config", str(site.config), "-n", "1000"]
    return subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout


def _reasons(ledger: Path) -> bytes:
    """Every text of the worker's ledger."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        return "\n".join(connection.iterdump()).encode()
