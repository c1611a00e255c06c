"""`export.json`: with which options and secret a copy was made, and of what each of its series was made."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ctsma_node.errors import SettingsError
from trainer.cohort.write import write_whole

RECORD = "export.json"
_SECRET, _SOURCES = "secret", "sources"


@dataclass
class ExportRecord:
    """The record of one copy; it goes with the copy, so that it names no source but by a keyed digest."""

    path: Path
    made_with: Mapping[str, object]
    sources: dict[str, str] = field(default_factory=dict)
    """By the place of a series below OUT/archive: the mark of what it was made of."""

    def add(self, sources: Mapping[str, str]) -> None:
        """Name the sources of series that are in their places now."""
        self.sources |= sources
        self.write()

    def forget(self, places: Collection[str]) -> None:
        """Before series are replaced: stopped in between, the old mark would stand for the new series."""
        known = [place for place in places if self.sources.pop(place, None) is not None]
        if known:
            self.write()

    def keep(self, places: Collection[str]) -> None:
        """Forget all other places."""
        self.forget(self.sources.keys() - set(places))

    def write(self) -> None:
        """The file appears whole or not at all."""
        content = {**self.made_with, _SOURCES: dict(sorted(self.sources.items()))}
        write_whole(self.path, json.dumps(content, indent=1) + "\n")


def open_record(out: Path, options: Mapping[str, object], secret: str) -> ExportRecord:
    """The record of the copy in `out`, begun where there is none; `secret` is a mark of the site's secret.

    Raises SettingsError for a copy with other options or by another secret: new UIDs and dates would stand
    beside the old.
    """
    made_with = {**options, _SECRET: secret}
    record = ExportRecord(out / RECORD, made_with)
    if record.path.exists():
        before, record.sources = _read(record.path)
        before.setdefault(_SECRET, secret)  # of an earlier version: it names no sources, and all is made anew
        if before != made_with:
            raise SettingsError(
                f"{out} holds an export with other options or by another secret (see {record.path}): "
                "take another folder"
            )
    out.mkdir(parents=True, exist_ok=True)
    record.write()
    return record


def _read(path: Path) -> tuple[dict[str, object], dict[str, str]]:
    """What an export was made with, and its sources."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    sources = content.pop(_SOURCES, {}) if isinstance(content, dict) else None
    if content is None or not isinstance(sources, dict):
        raise SettingsError(f"{path}: not the record of an export: take another folder")
    return content, sources
