"""A text as its value representation writes it (PS3.5 table 6.2-1), or nothing.

What a value means beyond doubt is written the standard's way: sex "m", birth date "1955.02.03", age "45Y",
weight "82,5". What is in doubt ("1955", an age without a unit) is left out and never guessed. Texts are cut
to their length, names of things are not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date

from ctsma_node.report.attributes import WHOLE

_LENGTHS = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240}
_COMPONENT_GROUPS, _GROUP_LENGTH = 3, 64
_SEXES = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "O": "O", "OTHER": "O"}

_DATE = re.compile(r"(\d{4})([.-]?)(\d\d)\2(\d\d)([ T]?\d\d(:?\d\d){1,2}(\.\d*)?)?", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3])(?:(:?)([0-5]\d)(?:\2([0-5]\d|60)(?:\.(\d+))?)?)?", re.ASCII)
_DATE_TIME = re.compile(
    r"\d{4}((0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?)?)?)?"
    r"([+-](0\d|1[0-4])[0-5]\d)?",
    re.ASCII,
)
_AGE = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_ZONE = re.compile(r"([+-](?:0\d|1[0-4])):?([0-5]\d)", re.ASCII)
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_POSITION = re.compile(r"[HF]F(S|P|DR|DL)|[AP]F(S|P|DR|DL)|[LR]F[PS]")
_NUMBER = re.compile(r"\d{1,8}", re.ASCII)

_TERMS = {
    "TypeOfPatientID": {"TEXT", "RFID", "BARCODE"},
    "QualityControlSubject": {"YES", "NO"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "SmokingStatus": {"YES", "NO", "UNKNOWN"},
}


def written(text: str, keyword: str, vr: str) -> str:
    """One value of an attribute of text as an object may say it; "" where it cannot be said."""
    rule = _BY_KEYWORD.get(keyword) or _BY_VR.get(vr)
    if rule is not None:
        said = rule(text)
        return said if keyword not in _TERMS or said in _TERMS[keyword] else ""
    longest = _LENGTHS.get(vr, len(text))
    return "" if keyword in WHOLE and len(text) > longest else text[:longest].rstrip()


def _date(text: str) -> str:
    """DA, also as ACR-NEMA (1955.02.03) or ISO 8601 wrote it, or with a time behind it."""
    found = _DATE.fullmatch(text)
    if not found:
        return ""
    year, _, month, day = found.groups()[:4]
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return year + month + day


def _time(text: str) -> str:
    """TM, also with colons, or with more than six digits of a second."""
    found = _TIME.fullmatch(text)
    if not found:
        return ""
    hour, _, minute, second, fraction = found.groups()
    return hour + (minute or "") + (second or "") + (f".{fraction[:6]}" if fraction else "")


def _decimal(text: str) -> str:
    """DS of a finite number, also with a comma, or with more than 16 characters."""
    text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    return text if len(text) <= 16 and "_" not in text else f"{number:.10g}"


def _age(text: str) -> str:
    """AS: three digits and a unit, which must be there."""
    found = _AGE.fullmatch(text.upper())
    return f"{int(found[1]):03d}{found[2]}" if found else ""


def _code(text: str) -> str:
    return _matching(_CODE)(text.upper())


def _name(text: str) -> str:
    """PN: at most three component groups of 64 characters (PS3.5 6.2.1)."""
    groups = text.split("=")[:_COMPONENT_GROUPS]
    return "=".join(group[:_GROUP_LENGTH] for group in groups)


def _zone(text: str) -> str:
    found = _ZONE.fullmatch(text)
    return found[1] + found[2] if found and found[0] != "-0000" else ""


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: text if pattern.fullmatch(text) else ""


_BY_VR: dict[str, Callable[[str], str]] = {
    "AS": _age,
    "CS": _code,
    "DA": _date,
    "DS": _decimal,
    "DT": _matching(_DATE_TIME),
    "IS": _matching(_INTEGER),
    "PN": _name,
    "TM": _time,
    "UI": _matching(_UID),
}
_BY_KEYWORD: dict[str, Callable[[str], str]] = {
    "PatientSex": lambda text: _SEXES.get(text.upper(), ""),
    "LossyImageCompressionRatio": lambda text: _decimal(text.removesuffix(":1")),
    "PatientPosition": _matching(_POSITION),
    "SeriesNumber": _matching(_NUMBER),
    "TimezoneOffsetFromUTC": _zone,
}
