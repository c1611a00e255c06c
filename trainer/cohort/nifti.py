"""NIfTI pairs: by the folder convention PATIENT/SIDE/{ct,mr}.nii[.gz], or by a CSV that names the files.

SimpleITK reads NIfTI's RAS+ coordinates into LPS, so that an affine here means what a DICOM one does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path, PurePosixPath

from ctsma_node.errors import Refused
from trainer.cohort.candidate import Candidate
from trainer.cohort.codes import refused
from trainer.cohort.findings import Finding, PatientKey, found, from_refusal
from trainer.cohort.nifti_file import file_digest, read_grid
from trainer.cohort.settings import CohortSettings
from trainer.cohort.table import OVERLONG, Row, number, read_rows

_REQUIRED = ("patient_id", "side", "ct", "mr")
_SIDES = {"R": "R", "RIGHT": "R", "L": "L", "LEFT": "L"}
_ANY_DAY = date(2000, 1, 1)
"""NIfTI has no dates: the days between of the table are counted from this one."""


@dataclass(frozen=True)
class Listed:
    """Two files of one knee, by modality; `days` from the CT to the MR, None where unknown."""

    patient: PatientKey
    side: str
    files: Mapping[str, str]
    source: str
    days: int | None = None

    @property
    def folder(self) -> PurePosixPath:
        """Of the patient, by the folder convention."""
        return PurePosixPath(self.files["CT"]).parent.parent


def by_folder(files: Iterable[str]) -> tuple[list[Listed], list[Finding]]:
    """Files (below the archive) that follow the convention; others and halves of pairs are findings.

    Of ct.nii and ct.nii.gz side by side the first by name is taken, and the other is a finding. Of two
    folders with the same patient's ID none is taken.
    """
    folders: defaultdict[PurePosixPath, dict[str, str]] = defaultdict(dict)
    findings = []
    for path in sorted(map(PurePosixPath, files)):
        modality = path.name.lower().removesuffix(".gz").removesuffix(".nii").upper()
        if modality in ("CT", "MR") and path.parent.name.upper() in _SIDES and len(path.parts) >= 3:
            taken = folders[path.parent].setdefault(modality, str(path))
            if taken != str(path):
                findings.append(found("nifti_twice", str(path), other=taken))
        else:
            findings.append(found("nifti_unassigned", str(path)))
    listed = []
    for folder, members in sorted(folders.items()):
        missing = {"CT", "MR"} - set(members)
        if missing:
            findings += [found("nifti_one_only", path, missing=missing.pop()) for path in members.values()]
        else:
            side = _SIDES[folder.name.upper()]
            listed.append(Listed(PatientKey("", folder.parent.name), side, members, "folder"))
    kept, clashing = _one_folder_each(listed)
    return kept, findings + clashing


def _one_folder_each(listed: Iterable[Listed]) -> tuple[list[Listed], list[Finding]]:
    """Without patients whose ID names two folders, as of two sites: whose images those are cannot be told."""
    folders: defaultdict[PatientKey, set[PurePosixPath]] = defaultdict(set)
    for each in listed:
        folders[each.patient].add(each.folder)
    kept, findings = [], []
    for each in listed:
        others = sorted(map(str, folders[each.patient] - {each.folder}))
        if others:
            findings += [
                found("nifti_two_folders", path, patient=each.patient, other=", ".join(others))
                for path in each.files.values()
            ]
        else:
            kept.append(each)
    return kept, findings


def by_table(table: Path, archive: Path) -> tuple[list[Listed], list[Finding]]:
    """Rows patient_id, side, ct, mr and, if known, days; paths relative to the archive.

    Raises TableError where the table cannot be read.
    """
    _, rows = read_rows(table, _REQUIRED)
    listed, findings = [], []
    for row in rows:
        try:
            listed.append(_row(row, archive))
        except _BadCell as cell:
            findings.append(
                found("nifti_value", table=table.name, row=row.number, column=cell.column, why=cell.why)
            )
    return listed, findings


def candidates(
    archive: Path, listed: Iterable[Listed], settings: CohortSettings
) -> tuple[list[Candidate], list[Finding]]:
    """Read the grids of listed files; a file that cannot be used leaves its pair out."""
    usable, findings = [], []
    for at, pair in enumerate(listed, start=1):
        for modality, path in sorted(pair.files.items()):
            try:
                candidate = _candidate(archive, pair, modality, path, settings)
                usable.append(replace(candidate, listed=str(at)))
            except Refused as refusal:
                findings.append(from_refusal(refusal, path, pair.patient))
    return usable, findings


def _candidate(archive: Path, pair: Listed, modality: str, path: str, settings: CohortSettings) -> Candidate:
    grid = read_grid(archive / path)
    limit = settings.max_ct_pixel_mm if modality == "CT" else settings.max_mr_pixel_mm
    fine = sorted(grid.spacing)
    if fine[1] > limit:
        raise refused("coarse_pixels", value=fine[1], limit=limit)
    if fine[2] > settings.max_slice_spacing_mm:
        raise refused("too_thick_slices", value=fine[2], limit=settings.max_slice_spacing_mm)
    day = None if pair.days is None else _ANY_DAY + timedelta(days=pair.days if modality == "MR" else 0)
    return Candidate(
        modality,
        "nifti",
        pair.patient,
        pair.side,
        pair.source,
        day,
        (path,),
        grid.size,
        grid.spacing,
        grid.affine,
        sha256=file_digest(archive / path),
    )


class _BadCell(Exception):
    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column, self.why = column, why


def _row(row: Row, archive: Path) -> Listed:
    if row.overlong:
        raise _BadCell("(none)", OVERLONG)
    for column in _REQUIRED:
        if not row[column]:
            raise _BadCell(column, "it is empty")
    side = row["side"].upper()
    if side not in _SIDES:
        raise _BadCell("side", "neither R nor L")
    for column in ("ct", "mr"):
        path = PurePosixPath(row[column])
        if path.is_absolute() or ".." in path.parts or not (archive / path).is_file():
            raise _BadCell(column, "no such file below the archive")
    files = {column.upper(): str(PurePosixPath(row[column])) for column in ("ct", "mr")}
    return Listed(PatientKey("", row["patient_id"]), _SIDES[side], files, "table", _days(row["days"]))


def _days(value: str) -> int | None:
    if not value:
        return None
    try:
        return int(number(value))
    except (ValueError, OverflowError):
        raise _BadCell("days", "no whole number") from None
