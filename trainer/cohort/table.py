"""CSV tables as people save them: comma, semicolon or tab; decimal point or comma; with a BOM or without."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.errors import NodeError

OVERLONG = "more cells than columns; a value that holds the table's separator needs quotes"
"""Why a row with more cells than the header is not used, as of 1,5 in a table with commas."""
_DELIMITERS = ",;\t"
_EMPTY = frozenset({"", "na", "n/a", "nan", "none", "null", "-", ".", "?"})


class TableError(NodeError):
    """The table cannot be read as a whole."""


@dataclass(frozen=True)
class Row:
    """One line of a table: `number` as a spreadsheet shows it (the header is row 1), values by column."""

    number: int
    values: dict[str, str]
    overlong: bool = False
    """A cell beyond the last column holds something: the cells before it may stand in wrong columns."""

    def __getitem__(self, column: str) -> str:
        """The stripped value; "" where the cell is empty or says that nothing is known."""
        value = self.values.get(column, "").strip()
        return "" if value.casefold() in _EMPTY else value


def read_rows(path: Path, required: Collection[str]) -> tuple[list[str], list[Row]]:
    """Columns (lower case) and rows of a CSV in UTF-8; empty lines are skipped.

    Raises TableError where the file cannot be read, is no UTF-8 or no CSV, or lacks a required column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: not UTF-8 (byte {error.start}): save it as CSV UTF-8") from error
    first = next(iter(text.splitlines()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        columns = [name.strip().casefold().replace(" ", "_") for name in next(reader, [])]
        rows = list(_rows(reader, columns))
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}: is a quote not closed?") from error
    missing = [name for name in required if name not in columns]
    if missing:
        raise TableError(
            f"{path}, row 1: no column {', '.join(missing)}; found: {', '.join(columns) or 'nothing'}"
        )
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise TableError(f"{path}, row 1: column {', '.join(twice)} stands twice")
    return [name for name in columns if name], rows


def _rows(reader: Iterator[list[str]], columns: list[str]) -> Iterator[Row]:
    width = max((at for at, name in enumerate(columns, start=1) if name), default=0)
    for number, cells in enumerate(reader, start=2):
        if any(cell.strip() for cell in cells):
            overlong = any(cell.strip() for cell in cells[width:])
            yield Row(number, dict(zip(columns, cells, strict=False)), overlong)


def number(value: str) -> float:
    """A number with decimal point or comma; raises ValueError."""
    return float(value.replace(",", ".") if value.count(",") == 1 and "." not in value else value)
