"""The clinical table: KL grade, MOAKS cartilage scores, age, sex and BMI of each knee, from a CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TypeVar

from trainer.cohort.findings import Finding, found
from trainer.cohort.table import OVERLONG, Row, number, read_rows

MOAKS = (
    "moaks_medial_femur",
    "moaks_lateral_femur",
    "moaks_medial_tibia",
    "moaks_lateral_tibia",
    "moaks_trochlea",
)
"""Cartilage scores of the paper's five subregions, 0 to 6: MOAKS' size plus full-thickness grade."""
T = TypeVar("T")
COLUMNS = ("patient_id", "side", "kl", *MOAKS, "age", "sex", "bmi")
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
_SIDES = {"r": "R", "right": "R", "l": "L", "left": "L"}


@dataclass(frozen=True)
class ClinicalRow:
    """What is known of one knee; None: not known."""

    row: int
    patient_id: str
    side: str
    """R, L, or "" where the row is of the patient and not of one knee."""
    kl: int | None
    moaks: tuple[float | None, ...]
    """In the order of MOAKS."""
    age: float | None
    sex: str | None
    bmi: float | None


@dataclass
class ClinicalTable:
    """Rows by patient and side; `name` is the file's, for reports."""

    name: str = ""
    rows: dict[tuple[str, str], ClinicalRow] = field(default_factory=dict)

    def of(self, patient_id: str, side: str) -> ClinicalRow | None:
        """The row of a knee, else the patient's row without a side."""
        return self.rows.get((patient_id, side)) or self.rows.get((patient_id, ""))

    def sides(self, patient_id: str) -> frozenset[str]:
        """The sides the table has rows of."""
        return frozenset(side for patient, side in self.rows if patient == patient_id and side)


def read_clinical(path: Path) -> tuple[ClinicalTable, list[Finding]]:
    """Read and check a table; a row with a wrong value is left out whole, since its columns may have slipped.

    Raises TableError where the file cannot be read at all.
    """
    columns, rows = read_rows(path, ["patient_id"])
    table = ClinicalTable(path.name)
    findings = [
        found("clinical_column", left_out=False, table=path.name, column=_plain(column))
        for column in columns
        if column not in COLUMNS
    ]
    refused: set[tuple[str, str]] = set()
    for row in rows:
        try:
            each = _parse(row)
        except _BadCell as cell:
            findings.append(
                found("clinical_value", table=path.name, row=row.number, column=cell.column, why=cell.why)
            )
            continue
        key = (each.patient_id, each.side)
        known = table.rows.setdefault(key, each)
        if known is not each:
            refused.add(key)
            findings.append(found("clinical_duplicate", table=path.name, row=each.row, first=known.row))
    table.rows = {key: row for key, row in table.rows.items() if key not in refused}
    return table, findings


class _BadCell(Exception):
    """A cell that cannot be what its column says."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column, self.why = column, why


def _parse(row: Row) -> ClinicalRow:
    if row.overlong:
        raise _BadCell("(none)", OVERLONG)
    if not row["patient_id"]:
        raise _BadCell("patient_id", "it is empty")
    kl = _cell(row, "kl", _within(0, 4))
    if kl is not None and kl != int(kl):
        raise _BadCell("kl", "a grade is a whole number from 0 to 4")
    return ClinicalRow(
        row=row.number,
        patient_id=row["patient_id"],
        side=_cell(row, "side", _one_of(_SIDES)) or "",
        kl=None if kl is None else int(kl),
        moaks=tuple(_cell(row, column, _within(0, 6)) for column in MOAKS),
        age=_cell(row, "age", _within(0, 120)),
        sex=_cell(row, "sex", _one_of(_SEXES)),
        bmi=_cell(row, "bmi", _within(8, 90)),
    )


def _cell(row: Row, column: str, parse: Callable[[str], T]) -> T | None:
    if not row[column]:
        return None
    try:
        return parse(row[column])
    except ValueError as error:
        raise _BadCell(column, str(error)) from error


def _within(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            read = number(value)
        except ValueError:
            raise ValueError(f"no number from {low} to {high}") from None
        if not isfinite(read) or not low <= read <= high:
            raise ValueError(f"{read:g} is not from {low} to {high}")
        return read

    return parse


def _one_of(names: dict[str, str]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.casefold() not in names:
            raise ValueError(f"none of {', '.join(names)}")
        return names[value.casefold()]

    return parse


def _plain(column: str) -> str:
    """A column's name as a report may quote it: short, one line."""
    return " ".join(column.split())[:40]
