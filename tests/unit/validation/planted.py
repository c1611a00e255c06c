"""A written set, and copies of its files with a fault planted in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, Bone, Side, Subregion
from ctsma_node.report import ReportObject, write_object
from tests.unit.report.knee_results import analysis, knee

PLANES = 20
"""Of the volume of `few_subregions`."""

EditBytes = Callable[[bytes], bytes]
EditDataset = Callable[[Dataset], None]


@dataclass(frozen=True)
class Written:
    """Files of a set by kind, in the order of sending, and the headers it was made from."""

    files: dict[str, tuple[Path, ...]]
    headers: tuple[Dataset, ...]

    @classmethod
    def of(cls, objects: Sequence[ReportObject], folder: Path, headers: Sequence[Dataset]) -> Written:
        files: dict[str, list[Path]] = {}
        for obj in objects:
            write_object(obj, folder / obj.file_name)
            files.setdefault(obj.kind, []).append(folder / obj.file_name)
        return cls({kind: tuple(paths) for kind, paths in files.items()}, tuple(headers))

    def paths(self, *kinds: str) -> list[Path]:
        """The files of these kinds; of all where none is named."""
        return [path for kind, paths in self.files.items() if not kinds or kind in kinds for path in paths]


@lru_cache(maxsize=1)
def few_subregions() -> AnalysisResult:
    """A left knee of 20 planes and four subregions of each bone: quickly written and checked."""
    whole = knee(Side.LEFT)
    planes = slice(35, 35 + PLANES)
    labels = whole.subregion_labels[planes]
    kept: list[Subregion] = []
    for bone in Bone:
        present = [each for each in whole.subregions if each.bone is bone and np.any(labels == each.label)]
        kept += present[-4:]
    affine = whole.affine.copy()
    affine[:3, 3] += planes.start * affine[:3, 2]
    small = replace(
        whole,
        hu=whole.hu[planes],
        affine=affine,
        bone_labels=whole.bone_labels[planes],
        subregion_labels=np.where(np.isin(labels, [each.label for each in kept]), labels, np.uint8(0)),
        subregions=tuple(kept),
    )
    return replace(analysis(Side.LEFT), knees=(small,))


def plant_bytes(path: Path, edit: EditBytes, folder: Path) -> Path:
    """A copy of a file with its bytes changed."""
    before = path.read_bytes()
    after = edit(before)
    assert after != before, "the fault was not planted"
    copy = folder / path.name
    copy.write_bytes(after)
    return copy


def plant(path: Path, edit: EditDataset, folder: Path) -> Path:
    """A copy of a file with its dataset changed; pydicom writes what it is told, right or wrong."""
    ds = dcmread(path)
    before = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
    try:
        edit(ds)
        copy = folder / path.name
        ds.save_as(copy, enforce_file_format=False)
    finally:
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = before
    assert copy.read_bytes() != path.read_bytes(), "the fault was not planted"
    return copy


def attributes(**values: object) -> EditDataset:
    """Set attributes of the dataset; None deletes."""
    return below((), **values)


def below(path: Sequence[str | int], **values: object) -> EditDataset:
    """Set attributes of the item at a path of keywords and indices; None deletes."""

    def edit(ds: Dataset) -> None:
        item = at(ds, path)
        for keyword, value in values.items():
            if value is None:
                delattr(item, keyword)
            else:
                setattr(item, keyword, value)

    return edit


def at(ds: Dataset, path: Sequence[str | int]) -> Any:
    """The item, or the sequence, at a path of keywords and indices."""
    found: Any = ds
    for step in path:
        found = found[step].value if isinstance(step, str) else found[step]
    return found


def replaced(old: bytes, new: bytes) -> EditBytes:
    """Replace the first occurrence of some bytes."""
    return lambda content: content.replace(old, new, 1)
