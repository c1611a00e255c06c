"""Codes of `dicom_templates/codes.toml`: each with where it comes from, checked on load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PRIVATE = "99"
_SOURCE = re.compile(r"PS3\.16 (CID|TID) \d+|UCUM|RFC 5646|private: .+")


class TemplateError(ValueError):
    """A file of `dicom_templates/` does not say what a report needs."""


@dataclass(frozen=True)
class Code:
    """A coded entry (PS3.3 section 8): value, coding scheme designator, meaning; and who defines it."""

    value: str
    scheme: str
    meaning: str
    source: str  # a context group or template of PS3.16, a scheme as a whole, or why it is private

    def __post_init__(self) -> None:
        if not 0 < len(self.value) <= 16 or not 0 < len(self.scheme) <= 16:
            raise TemplateError(f"code {self.value!r}: value and scheme have 1 to 16 characters")
        if not 0 < len(self.meaning) <= 64:
            raise TemplateError(f"code {self.value!r}: a meaning has 1 to 64 characters")
        if _SOURCE.fullmatch(self.source) is None:
            raise TemplateError(f"code {self.value!r}: {self.source!r} is no source")
        if self.scheme.startswith(_PRIVATE) != self.source.startswith("private: "):
            raise TemplateError(f"code {self.value!r}: private, or of {self.source!r}?")


@dataclass(frozen=True)
class CodingScheme:
    """The private coding scheme (PS3.3 section 8.2, C.12.1)."""

    designator: str
    name: str
    version: str
    responsible_organization: str

    def __post_init__(self) -> None:
        if not self.designator.startswith(_PRIVATE):
            raise TemplateError(f"a private designator starts with {_PRIVATE}, not {self.designator!r}")


def code_of(entry: Sequence[str]) -> Code:
    """A code from an entry of a file; raises ValueError where it has another number of parts."""
    value, scheme, meaning, source = entry
    return Code(value, scheme, meaning, source)


def check_schemes(tables: Mapping[str, Mapping[str, Any]], scheme: CodingScheme) -> None:
    """Every private scheme in the tables is the one that each object identifies; else TemplateError."""
    used = {entry[1] for table in tables.values() for entry in table.values()}
    unknown = {each for each in used if each.startswith(_PRIVATE)} - {scheme.designator}
    if unknown:
        raise TemplateError(f"coding schemes {sorted(unknown)} are used but not identified")
