"""Writes the zip: the case with its history, its headers' technical part, settings, versions, log lines.

Times are seconds after the case was opened: a date can tell who a patient is (PS3.15 annex E). Site texts (AE
titles, hosts, institution, people to notify) stay here, and so do pixels.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ctsma_node import __version__
from ctsma_node.config import Settings
from ctsma_node.export.log_lines import lines_of_case
from ctsma_node.export.pseudonyms import Pseudonyms
from ctsma_node.export.site import named_in, site_words, uids_of_case, words_of_case
from ctsma_node.export.technical import technical
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import Case, Instance

_SECTIONS = ("completion", "gate", "analysis", "delivery", "worker", "limits", "retention")
_PATHS = ("bundle", "public_key")
_PACKAGES = ("pydicom", "pynetdicom", "highdicom", "torch", "monai", "numpy", "simpleitk")
_RESULT = ("kind", "side", "size", "sop_class_uid")
_INSTANCE = ("rows", "columns", "number_of_frames", "position", "orientation", "size", "transfer_syntax")


def write_case_file(settings: Settings, case_id: int, target: Path, log_lines: Iterable[str] = ()) -> None:
    """Write the zip, for its owner alone. Raises LedgerError where there is no such case, FileExistsError."""
    cases, inbox = CasesReader(settings.ledger_path), InboxReader(settings.inbox_path)
    try:
        case = cases.get(case_id)
        instances = inbox.instances(case.series_uid)
        since, uids = case.created_at, uids_of_case(case, cases, instances)
        associations = {each.association_id for each in instances if each.association_id}
        log = list(lines_of_case(log_lines, case_id, uids | associations, since))
        hidden = Pseudonyms(
            site_words(settings)
            | words_of_case(case, cases, instances)
            | named_in(log, "source", "destination"),
            uids | named_in(log, "study", "series", "instance"),
        )
        content: dict[str, Any] = {
            "case.json": _described(case, cases, since),
            "instances.json": [_instance(each, settings.spool_dir, since) for each in instances],
            "settings.json": _settings(settings),
            "versions.json": _versions(),
            "log.json": log,
        }
    finally:
        cases.close()
        inbox.close()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in content.items():
            archive.writestr(name, json.dumps(hidden.value(each), indent=1))


def _described(case: Case, cases: CasesReader, since: float) -> Any:
    kept = asdict(case)
    del kept["calling_ae"], kept["instances_digest"]
    deliveries = [asdict(each) for each in cases.deliveries(case.id)]
    names = {name: n for n, name in enumerate(dict.fromkeys(d["destination"] for d in deliveries), start=1)}
    for each in deliveries:
        each["destination"] = f"destination {names[each['destination']]}"
        del each["path"]
    results = [{key: getattr(each, key) for key in _RESULT} for each in cases.results(case.id)]
    events = [asdict(each) for each in cases.events(case.id)]
    return _relative({"case": kept, "events": events, "deliveries": deliveries, "results": results}, since)


def _instance(row: Instance, spool: Path, since: float) -> dict[str, Any]:
    noted = {key: getattr(row, key) for key in _INSTANCE} | {"received_at": row.received_at - since}
    return {"instance": row.sop_instance_uid, "noted": noted, "header": technical(spool / row.path)}


def _settings(settings: Settings) -> dict[str, Any]:
    """Sections that hold numbers and choices; of the others how many there are."""
    found = {name: getattr(settings, name).model_dump(mode="json") for name in _SECTIONS}
    for key in _PATHS:
        if found["analysis"].get(key) not in ("", "default"):
            found["analysis"][key] = "set"
    found["sources"] = len(settings.sources)
    found["destinations"] = [list(each.objects) for each in settings.destinations]
    return found


def _versions() -> dict[str, str]:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "missing"
    own = {"ctsma-node": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return own | {"kernel": platform.release(), "machine": platform.machine()} | packages


def _relative(value: Any, since: float) -> Any:
    """Every `..._at`, and an event's `at`, as seconds after the case was opened."""
    if isinstance(value, dict):
        return {key: _moved(key, each, since) for key, each in value.items()}
    return [_relative(each, since) for each in value] if isinstance(value, list | tuple) else value


def _moved(key: str, value: Any, since: float) -> Any:
    is_time = key == "at" or key.endswith("_at")
    return round(value - since, 3) if is_time and isinstance(value, float) else _relative(value, since)
