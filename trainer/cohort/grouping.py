"""Instances to series by Series Instance UID, wherever the files lie; copies are dropped."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread

from trainer.cohort.findings import Finding, found
from trainer.cohort.instance import Instance


@dataclass(frozen=True)
class Group:
    """The instances of one Series Instance UID, each once, in the order of their paths."""

    instances: tuple[Instance, ...]
    clashing: int = 0
    """SOP Instance UIDs that come twice with different content."""

    @property
    def series_uid(self) -> str:
        """Series Instance UID (0020,000E)."""
        return self.instances[0].header.series_uid

    @property
    def path(self) -> str:
        """The first file, which names the series in reports."""
        return self.instances[0].path


def group(root: Path, instances: Iterable[Instance]) -> tuple[list[Group], list[Finding]]:
    """Series in the order of their UIDs, and remarks on exact copies that were dropped.

    Two files of one SOP Instance UID are copies where pixels, patient and place agree; the pixels are
    looked at only for such files.
    """
    by_series: defaultdict[str, list[Instance]] = defaultdict(list)
    for each in instances:
        by_series[each.header.series_uid].append(each)
    groups, remarks = [], []
    for uid in sorted(by_series):
        kept, clashing, copies = _each_once(root, by_series[uid])
        groups.append(Group(tuple(kept), clashing))
        remarks += copies
    return groups, remarks


def _each_once(root: Path, instances: Sequence[Instance]) -> tuple[list[Instance], int, list[Finding]]:
    first: dict[str, Instance] = {}
    clashing: set[str] = set()
    remarks = []
    for each in sorted(instances, key=lambda instance: instance.path):
        known = first.setdefault(each.sop_uid, each)
        if known is each:
            continue
        if _same(root, known, each):
            remarks.append(
                found("duplicate_copy", each.path, left_out=False, series_uid=each.header.series_uid,
                      patient=each.header.person.key, other=known.path)
            )  # fmt: skip
        else:
            clashing.add(each.sop_uid)
    return list(first.values()), len(clashing), remarks


def _same(root: Path, a: Instance, b: Instance) -> bool:
    if a.header.person.key != b.header.person.key or _places(a) != _places(b):
        return False
    return pixel_digest(root, a) == pixel_digest(root, b)


def _places(instance: Instance) -> list[object]:
    nowhere = Path()
    return [replace(frame, path=nowhere) for frame in instance.frames]


def pixel_digest(root: Path, instance: Instance) -> str:
    """Digest of an instance's Pixel Data as stored; of what there is of it."""
    try:
        pixels = dcmread(root / instance.path, force=True, specific_tags=["PixelData"]).get("PixelData")
    except Exception:  # damaged: no copy of anything but itself
        return instance.path
    return hashlib.sha256(pixels or b"").hexdigest()
