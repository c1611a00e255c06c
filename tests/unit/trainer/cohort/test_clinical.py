"""The clinical table as people save it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.cohort.clinical import MOAKS, read_clinical
from trainer.cohort.table import TableError

HEADER = ["patient_id", "side", "kl", *MOAKS, "age", "sex", "bmi"]


def table(tmp_path: Path, *rows: list[str], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path = tmp_path / "clinical.csv"
    path.write_bytes("\r\n".join(delimiter.join(row) for row in [HEADER, *rows]).encode(encoding))
    return path


GOOD = ["Müller-7", "R", "3", "0", "1", "2", "3", "6", "61", "F", "27.5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_delimiters_and_byte_order_mark(tmp_path: Path, delimiter: str, encoding: str) -> None:
    read, findings = read_clinical(table(tmp_path, GOOD, delimiter=delimiter, encoding=encoding))
    row = read.of("Müller-7", "R")
    assert findings == []
    assert row is not None
    assert (row.kl, row.moaks, row.age, row.sex, row.bmi) == (3, (0, 1, 2, 3, 6), 61, "F", 27.5)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_comma(tmp_path: Path, delimiter: str) -> None:
    read, findings = read_clinical(table(tmp_path, [*GOOD[:-1], "27,5"], delimiter=delimiter))
    row = read.of("Müller-7", "R")
    assert findings == []
    assert row is not None
    assert row.bmi == 27.5


def test_decimal_comma_within_quotes(tmp_path: Path) -> None:
    read, _ = read_clinical(table(tmp_path, [*GOOD[:-1], '"27,5"']))
    row = read.of("Müller-7", "R")
    assert row is not None
    assert row.bmi == 27.5


def test_what_is_not_known_is_none(tmp_path: Path) -> None:
    read, findings = read_clinical(table(tmp_path, ["a", "", "NA", "", "n/a", "-", "", "", "", "", ""]))
    row = read.of("a", "L")
    assert findings == []
    assert row is not None
    assert (row.kl, set(row.moaks), row.age, row.sex, row.bmi) == (None, {None}, None, None, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kl", "7"), ("kl", "1.5"), ("kl", "two"), ("kl", "-1"), ("age", "161"), ("bmi", "2"), ("bmi", "inf"),
        ("sex", "1"), ("side", "X"), ("patient_id", ""), ("moaks_trochlea", "9"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_row_and_column(tmp_path: Path, column: str, value: str) -> None:
    wrong = list(GOOD)
    wrong[HEADER.index(column)] = value
    read, findings = read_clinical(table(tmp_path, ["other", *GOOD[1:]], wrong))
    assert [finding.code for finding in findings] == ["clinical_value"]
    assert f"row 3, column {column}:" in findings[0].text
    assert list(read.rows) == [("other", "R")]


@pytest.mark.parametrize("header", [HEADER, [*HEADER, "", ""]])
def test_a_row_with_more_cells_than_columns_is_left_out(tmp_path: Path, header: list[str]) -> None:
    """1,5 without quotes in a table with commas: all later scores would be their neighbours'."""
    slipped = [*GOOD[:4], "1", "5", *GOOD[5:]]
    path = table(tmp_path, ["other", *GOOD[1:], " "], slipped)
    path.write_text(path.read_text().replace(",".join(HEADER), ",".join(header)))
    read, findings = read_clinical(path)
    assert [finding.code for finding in findings] == ["clinical_value"]
    assert "row 3, column (none): more cells than columns" in findings[0].text
    assert list(read.rows) == [("other", "R")], "blank cells at the end are no others"


def test_cells_that_would_do_in_their_wrong_columns_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "clinical.csv"
    path.write_text(",".join(["patient_id", "side", "kl", *MOAKS]) + "\nP1,R,2,1,5,2,0,3,4\n")
    read, findings = read_clinical(path)
    assert (read.rows, [finding.code for finding in findings]) == ({}, ["clinical_value"])


def test_a_knee_with_two_rows_has_none(tmp_path: Path) -> None:
    read, findings = read_clinical(table(tmp_path, GOOD, [*GOOD[:2], "1", *GOOD[3:]]))
    assert [finding.code for finding in findings] == ["clinical_duplicate"]
    assert read.rows == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"id,kl\na,1\n", "no column patient_id"),
        (b"patient_id,kl\nM\xfcller,1\n", "not UTF-8"),
        (b"", "no column patient_id"),
        (b"patient_id,kl,kl\na,1,2\n", "kl stands twice"),
        (b'patient_id,kl\na,"1\n' + b"b,2\n" * 40000, "line [0-9]+: .*is a quote not closed"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "clinical.csv").write_bytes(content)
    with pytest.raises(TableError, match=why):
        read_clinical(tmp_path / "clinical.csv")


def test_unknown_columns_are_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "clinical.csv").write_text("Patient ID;KL;surgeon\na;2;x\n")
    read, findings = read_clinical(tmp_path / "clinical.csv")
    assert [(finding.code, finding.left_out) for finding in findings] == [("clinical_column", False)]
    assert read.of("a", "R") is not None
