"""What the node's own sentences may say of the site and of the case, and what must not leave with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ctsma_node.config import Settings
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.records import Case, Instance

_SECTIONS = ("node", "sources", "destinations", "tls", "audit", "web", "notify")
"""Every text in them is the site's: names, hosts, addresses, files. One that is added is hidden, too."""

_TERMS = frozenset({"kind", "objects", "proof"})
"""But for these: terms of the node, which its sentences need."""


def site_words(settings: Settings) -> set[str]:
    """Names, hosts and files of the settings as they are today."""
    report = settings.report
    words = {report.institution_name, report.station_name, report.device_serial_number}
    words |= {rule.name for rule in settings.choice.rules}
    words |= {settings.analysis.bundle, settings.analysis.public_key} - {"default"}
    for section in _SECTIONS:
        words |= set(_texts(settings.model_dump(mode="json", include={section})))
    return words | {urlsplit(word).hostname or "" for word in words if "://" in word}


def words_of_case(case: Case, cases: CasesReader, instances: Iterable[Instance]) -> set[str]:
    """Names that the ledgers hold: a peer that was renamed or removed since stands in no settings."""
    senders = {case.calling_ae} | {each.calling_ae for each in instances}
    return senders | {each.name for each in cases.destinations()}


def uids_of_case(case: Case, cases: CasesReader, instances: Iterable[Instance]) -> set[str]:
    """UIDs of the case, of what was made of it, and of the other series of its study."""
    study = {each.series_uid for each in cases.by_study(case.study_uid)}
    results = {uid for each in cases.results(case.id) for uid in (each.sop_instance_uid, each.series_uid)}
    return {case.series_uid, case.study_uid} | study | results | {each.sop_instance_uid for each in instances}


def named_in(events: Collection[Mapping[str, Any]], *keys: str) -> set[str]:
    """What lines of the log hold under these keys."""
    found = (event.get(key) for event in events for key in keys)
    return {each for each in found if isinstance(each, str)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in _TERMS:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
