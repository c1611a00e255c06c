"""The patient's age, as far as the headers tell it."""

from __future__ import annotations

import re
from datetime import date

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.series import Series
from ctsma_node.gate.refusals import refused
from ctsma_node.gate.settings import GateSettings

_PER_YEAR = {"Y": 1.0, "J": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
"""By a unit's first letter, as the standard has it or as of a word; German years are J."""
_AGE = re.compile(r"([0-9]{1,9}) *(?:([YJMWD])[A-Z]*)?")
_YEAR_IN_FRONT = re.compile(r"[0-9]{4}")
_YEAR_BEHIND = re.compile(r"[^0-9]([0-9]{4})$")
_OLDEST = 130.0
_SCAN_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate", "AcquisitionDateTime")


def adult(series: Series, limits: GateSettings) -> None:
    """No age that can be read is below the limit; where age and birth date differ, the younger one counts."""
    ages = [age for ds in series.headers for age in _ages(ds)]
    if ages and min(ages) < limits.min_age_years:
        raise refused("paediatric_age", limit=limits.min_age_years)


def _ages(ds: Dataset) -> list[float]:
    """What the header says of the age. 000Y is what a writer left unset where a birth date says otherwise."""
    stated, born = stated_age(ds), age_at_scan(ds)
    return [age for age in (born if stated == 0.0 and born else stated, born) if age is not None]


def stated_age(ds: Dataset) -> float | None:
    """Patient's Age (0010,1010) in years: 018Y, 030M, 010W, 120D (PS3.5 AS), "18 years", or a bare number."""
    written = _AGE.fullmatch(text(ds, "PatientAge").upper())
    if written is None:
        return None
    number, unit = written.groups()
    return _plausible(int(number) / _PER_YEAR[unit or "Y"])


def age_at_scan(ds: Dataset) -> float | None:
    """Whole years from Patient's Birth Date (0010,0030) to the day of the scan.

    Where only the year or the month of birth can be read, those of the oldest who were born in it: whoever is
    a child even so is one.
    """
    born = _earliest(text(ds, "PatientBirthDate"))
    scanned = next((day for keyword in _SCAN_DATES if (day := _day(text(ds, keyword)))), None)
    if born is None or scanned is None or born > scanned:
        return None
    birthday_to_come = (scanned.month, scanned.day) < (born.month, born.day)
    return _plausible(float(scanned.year - born.year - birthday_to_come))


def _day(value: str) -> date | None:
    """A date written YYYYMMDD, or YYYY.MM.DD as ACR-NEMA did, perhaps with a time; None for a part of one."""
    digits = _digits(value)[:8]
    return _date(digits[:4], digits[4:6], digits[6:]) if len(digits) == 8 and digits.isdecimal() else None


def _earliest(value: str) -> date | None:
    """The date, or the first day of the month or the year that can be read of it."""
    if day := _day(value):
        return day
    if behind := _YEAR_BEHIND.search(value):  # 15.03.2015, 03/15/2015: which is the month cannot be told
        return _date(behind[1], "1", "1")
    digits = _digits(value)
    if not _YEAR_IN_FRONT.match(digits):
        return None
    return _date(digits[:4], digits[4:6], "1") or _date(digits[:4], "1", "1")


def _digits(value: str) -> str:
    return value.replace(".", "").replace("-", "").replace("/", "")


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _plausible(years: float) -> float | None:
    return years if years <= _OLDEST else None
