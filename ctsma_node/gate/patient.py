"""The patient's age, as far as the headers tell it."""

from __future__ import annotations

from datetime import date

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.series import Series
from ctsma_node.gate.refusals import refused
from ctsma_node.gate.settings import GateSettings

_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}
_OLDEST = 130.0
_SCAN_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")


def adult(series: Series, limits: GateSettings) -> None:
    """No age that can be read is below the limit; where age and birth date differ, the younger one counts."""
    ages = [age for ds in series.headers for age in (stated_age(ds), age_at_scan(ds)) if age is not None]
    if ages and min(ages) < limits.min_age_years:
        raise refused("paediatric_age", limit=limits.min_age_years)


def stated_age(ds: Dataset) -> float | None:
    """Patient's Age (0010,1010) in years: 018Y, 030M, 010W, 120D (PS3.5 AS), or a bare number of years."""
    value = text(ds, "PatientAge").upper()
    unit = value[-1:] if value[-1:] in _PER_YEAR else "Y"
    digits = value.removesuffix(unit).strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    return _plausible(int(digits) / _PER_YEAR[unit])


def age_at_scan(ds: Dataset) -> float | None:
    """Whole years from Patient's Birth Date (0010,0030) to the day of the scan."""
    born = _day(text(ds, "PatientBirthDate"))
    scanned = next((day for keyword in _SCAN_DATES if (day := _day(text(ds, keyword)))), None)
    if born is None or scanned is None or born > scanned:
        return None
    birthday_to_come = (scanned.month, scanned.day) < (born.month, born.day)
    return _plausible(float(scanned.year - born.year - birthday_to_come))


def _day(value: str) -> date | None:
    """A date written YYYYMMDD, or YYYY.MM.DD as ACR-NEMA did; None for a part of one."""
    digits = value.replace(".", "").replace("-", "")[:8]
    if len(digits) != 8 or not digits.isascii() or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _plausible(years: float) -> float | None:
    return years if years <= _OLDEST else None
