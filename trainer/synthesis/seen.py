"""Whom a synthesis was trained on: by their pairs it is not judged.

A fold's number says it of one cohort.json only: made with another secret, patients are in other folds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ctsma_node.errors import SettingsError
from trainer.cohort.manifest import PairEntry, sources_of

SEEN = "trained_on.json"


def person_mark(pair_id: str) -> str:
    """The patient of a pair, as a digest: a pseudonym may be an archive's own Patient ID."""
    pseudonym, _, _ = pair_id.rpartition("-")
    return _digest("person", pseudonym)


def marks_of(pair: PairEntry) -> set[str]:
    """The patient and the two studies of a pair; one that shares any is taken for the same person's.

    NIfTI has no UIDs; its files stand for it.
    """
    made_of = sources_of(pair)
    scans = {
        _digest("scan", each.study_uid or made_of[f"{name}_files"])
        for name, each in (("ct", pair.ct), ("mr", pair.mr))
    }
    return scans | {person_mark(pair.pair_id)}


def write_seen(folder: Path, pairs: Iterable[PairEntry]) -> None:
    """Keep the marks of all that a synthesis was trained on beside its weights."""
    marks = sorted({mark for pair in pairs for mark in marks_of(pair)})
    (folder / SEEN).write_text(json.dumps(marks, indent=1) + "\n", encoding="utf-8")


def read_seen(folder: Path) -> frozenset[str]:
    """What `write_seen` kept. Raises SettingsError where nothing says it."""
    try:
        return frozenset(json.loads((folder / SEEN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"{folder}: nothing says which pairs this synthesis was trained on ({error}); "
            "train it again with: ctsma-train synthesis"
        ) from error


def _digest(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()[:24]
