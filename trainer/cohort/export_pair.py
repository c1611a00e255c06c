"""The series of one pair in an export: all of them appear together, or none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from trainer.cohort.deidentify import Deidentification
from trainer.cohort.export_record import ExportRecord
from trainer.cohort.export_series import export_dicom, export_nifti
from trainer.cohort.manifest import SeriesEntry
from trainer.cohort.nifti_file import file_digest
from trainer.cohort.pseudonym import Pseudonyms

ARCHIVE, UNFINISHED = "archive", ".unfinished"


@dataclass(frozen=True)
class Copy:
    """From where to where all pairs of one export go."""

    archive: Path
    out: Path
    record: ExportRecord

    @property
    def root(self) -> Path:
        """Below it lie the places of the series."""
        return self.out / ARCHIVE


def place_of(entry: SeriesEntry, patient: str, side: str, pseudonyms: Pseudonyms) -> str:
    """Where a series goes; of DICOM it follows from the series: a CT of both knees is exported once."""
    if entry.source == "nifti":
        return f"{patient}/{side}/{entry.modality.lower()}.nii.gz"
    return f"{patient}/{entry.modality}-{pseudonyms.uid(entry.series_uid)[-8:]}"


def export_pair(entries: dict[str, SeriesEntry], copy: Copy, how: Deidentification) -> None:
    """Put series into their places. What is there and made of the same is passed over.

    Raises Refused; the places are then as they were.
    """
    sources = {place: _mark(entry, copy.archive, how.pseudonyms) for place, entry in entries.items()}
    missing = [place for place in entries if not _is_there(place, sources[place], copy)]
    unfinished = copy.out / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for number, place in enumerate(missing):
            _export_series(entries[place], copy.archive, unfinished / str(number), how)
        copy.record.forget(missing)
        for number, place in enumerate(missing):
            _replace(copy.root / place, unfinished / str(number))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if missing:
        copy.record.add({place: sources[place] for place in missing})


def remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove all below a folder that is none of the paths `kept`, nor leads to one."""
    leading = {parent for path in kept for parent in path.parents}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path in leading:
            remove_others(path, kept)
        elif path not in kept:
            _remove(path)


def _mark(entry: SeriesEntry, archive: Path, pseudonyms: Pseudonyms) -> str:
    """What a series is made of. A NIfTI has no UID: its bytes tell it from another under its name."""
    content = file_digest(entry.paths(archive)[0]) if entry.source == "nifti" else ""
    return pseudonyms.mark("source", entry.model_dump_json(exclude_defaults=True), content)


def _is_there(place: str, source: str, copy: Copy) -> bool:
    return (copy.root / place).exists() and copy.record.sources.get(place) == source


def _export_series(entry: SeriesEntry, archive: Path, target: Path, how: Deidentification) -> None:
    if entry.source == "nifti":
        export_nifti(entry, archive, target)
    else:
        export_dicom(entry, archive, target, how)


def _replace(target: Path, made: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        _remove(target)
    made.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
