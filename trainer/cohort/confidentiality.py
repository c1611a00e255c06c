"""What becomes of each attribute: PS3.15 Annex E, Basic Application Level Confidentiality Profile.

The table (E.1-1 of the 2026c edition) is that of the package dicom-anonymizer. Actions that the standard
leaves to the object (Z/D, X/Z, X/D, X/Z/D) are resolved for CT and MR images: an empty value where the
attribute may be of Type 2, removal where it is of Type 3.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]
    dicomfields_2026c as table,
)
from pydicom.datadict import tag_for_keyword


class Action(Enum):
    """The profile's actions (Table E.1-1a)."""

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    UID = "U"
    REFERENCES = "U*"
    """A sequence of references: it stays, with the UIDs in it replaced."""


_BY_LIST = {
    "D_TAGS": Action.DUMMY,
    "Z_TAGS": Action.EMPTY,
    "X_TAGS": Action.REMOVE,
    "U_TAGS": Action.UID,
    "Z_D_TAGS": Action.EMPTY,
    "X_Z_TAGS": Action.EMPTY,
    "X_D_TAGS": Action.REMOVE,
    "X_Z_D_TAGS": Action.EMPTY,
    "X_Z_U_STAR_TAGS": Action.REFERENCES,
}
_TYPE_1 = ("DeviceSerialNumber",)
"""Demanded by Enhanced General Equipment (PS3.3 C.7.5.2)."""
_PATIENTS_OWN = ("PatientBirthDate", "PatientBirthTime", "PatientBirthDateInAlternativeCalendar")


def action_of(tag: int) -> Action:
    """The action of one attribute by its tag; private and repeating groups included."""
    group, element = tag >> 16, tag & 0xFFFF
    if group % 2:
        return Action.REMOVE
    for wanted_group, wanted_element, group_mask, element_mask in _repeating():
        if group & group_mask == wanted_group and element & element_mask == wanted_element:
            return Action.REMOVE
    return _single().get(tag, Action.KEEP)


def is_patients_own(tag: int) -> bool:
    """Dates that are no time of an event, and never shifted but emptied."""
    return tag in {tag_for_keyword(keyword) for keyword in _PATIENTS_OWN}


@cache
def _single() -> dict[int, Action]:
    actions = {
        group << 16 | element: action
        for name, action in _BY_LIST.items()
        for group, element in (tag for tag in getattr(table, name) if len(tag) == 2)
    }
    return actions | {tag_for_keyword(keyword) or 0: Action.DUMMY for keyword in _TYPE_1}


@cache
def _repeating() -> tuple[tuple[int, int, int, int], ...]:
    """Curves, overlay data and overlay comments: (group, element, group mask, element mask)."""
    return tuple(tag for tag in table.ALL_TAGS if len(tag) == 4)
