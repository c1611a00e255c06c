"""One instance without its patient: PS3.15 Annex E, with the options a site chose.

Beyond the profile: every UID that no standard defines is replaced, dates outside its table are shifted too,
names are emptied wherever they stand, and a text that still holds one of the patient's identifiers is
removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.tag import BaseTag

from trainer.cohort.characters import read_text
from trainer.cohort.confidentiality import Action, action_of, is_patients_own
from trainer.cohort.descriptors import CLEANED, clean
from trainer.cohort.pseudonym import Pseudonyms

_STANDARD_UIDS = "1.2.840.10008."
_UIDS_OF_TERMS = frozenset({"CodingSchemeUID", "ContextUID", "MappingResourceUID"})
"""They name vocabularies, not instances."""
_TEXTS = frozenset(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
_DUMMIES = {
    **{"AS": "000Y", "CS": "REMOVED", "DS": "0", "IS": "0", "DA": "19000101", "TM": "000000"},
    **{"DT": "19000101000000", "UI": "2.25.0", "UR": "http://removed.invalid", "PN": "REMOVED"},
}
_IDENTIFIERS = (
    *("PatientID", "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName"),
    *("AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("InstitutionName", "PatientBirthDate", "PatientTelephoneNumbers", "PatientAddress"),
)
_EARLIEST = 1850
"""Dates before that are stand-ins, not days."""
_SHORTEST = 4
"""Identifiers with fewer characters would be found in any text."""


@dataclass(frozen=True)
class Deidentification:
    """Who the patient becomes, and the options of the profile."""

    pseudonyms: Pseudonyms
    patient: str
    """The new Patient ID and name."""
    shift_days: int
    """Added to every date (Retain Longitudinal Temporal Information with Modified Dates Option)."""
    keep_dates: bool = True
    """Shift dates; otherwise they go as the basic profile says."""
    clean_descriptors: bool = True
    retain_uids: bool = False


def deidentify(ds: Dataset, how: Deidentification) -> None:
    """De-identify an instance in place; its file meta information is left to the writer."""
    identifiers = _identifiers(ds)
    _clean(ds, how)
    _remove_leaks(ds, identifiers)
    ds.PatientID = ds.PatientName = how.patient
    ds.PatientIdentityRemoved = "YES"
    ds.LongitudinalTemporalInformationModified = "MODIFIED" if how.keep_dates else "REMOVED"
    ds.DeidentificationMethod = "ctsma-train cohort-export, PS3.15 Annex E"
    ds.DeidentificationMethodCodeSequence = Items(_methods(how))


def _clean(ds: Dataset, how: Deidentification) -> None:
    for tag in list(ds.keys()):
        try:
            _treat(ds, tag, how)
        except Exception:  # an element that cannot be read cannot be judged
            del ds[tag]


def _treat(ds: Dataset, tag: BaseTag, how: Deidentification) -> None:
    if not dictionary_has_tag(tag) or tag.is_private:
        del ds[tag]  # what no standard describes cannot be judged either
        return
    vr, action = dictionary_VR(tag), action_of(tag)
    if how.clean_descriptors and keyword_for_tag(tag) in CLEANED:
        _set(ds, tag, clean(read_text(ds, keyword_for_tag(tag))))
    elif vr in ("DA", "DT") and how.keep_dates and not is_patients_own(tag):
        _set(ds, tag, shifted(read_text(ds, keyword_for_tag(tag)), how.shift_days))
    elif vr == "TM" and how.keep_dates and not is_patients_own(tag):
        pass  # dates move by whole days: times of day may stay
    elif vr == "UI":
        _replace_uids(ds, tag, how)
    elif action is Action.REMOVE:
        del ds[tag]
    elif action is Action.EMPTY or (vr == "PN" and action is Action.KEEP):
        ds[tag].value = None if vr != "SQ" else Items()
    elif action is Action.DUMMY:
        ds[tag].value = Items() if vr == "SQ" else _dummy(vr)
    elif vr == "SQ":
        for item in ds[tag].value:
            _clean(item, how)


def _set(ds: Dataset, tag: BaseTag, value: str) -> None:
    """The new value; without one, the element goes unless its type may demand it empty."""
    if value or action_of(tag) is Action.EMPTY:
        ds[tag].value = value
    else:
        del ds[tag]


def shifted(value: str, days: int) -> str:
    """Dates and date times (DA, DT; several joined by a backslash) moved by whole days.

    The time of day and the zone stay. What is no whole date gives "".
    """
    moved = []
    for each in filter(None, value.split("\\")):
        try:
            day = datetime.strptime(each[:8].replace(".", ""), "%Y%m%d") + timedelta(days=days)
        except (ValueError, OverflowError):
            return ""
        if day.year < _EARLIEST:
            return ""
        moved.append(day.strftime("%Y%m%d") + each[8:])
    return "\\".join(moved)


def _replace_uids(ds: Dataset, tag: BaseTag, how: Deidentification) -> None:
    if how.retain_uids or keyword_for_tag(tag) in _UIDS_OF_TERMS:
        return
    originals = read_text(ds, keyword_for_tag(tag)).split("\\")
    ds[tag].value = [
        uid if not uid or uid.startswith(_STANDARD_UIDS) else how.pseudonyms.uid(uid) for uid in originals
    ]


def _dummy(vr: str) -> str | int | bytes:
    if vr in ("FD", "FL", "SS", "US", "SL", "UL", "SV", "UV"):
        return 0
    return _DUMMIES.get(vr, "REMOVED") if vr in _TEXTS or vr in _DUMMIES else b"\0\0"


def _identifiers(ds: Dataset) -> set[str]:
    """Parts of identifying values, as they might stand in some other text."""
    values = (read_text(ds, keyword) for keyword in _IDENTIFIERS)
    parts = {part.casefold() for value in values for part in [value, *re.split(r"[\s^=\\]+", value)]}
    return {part for part in parts if len(part) >= _SHORTEST}


def _remove_leaks(ds: Dataset, identifiers: set[str]) -> None:
    """No text that stayed holds an identifier."""
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
        except Exception:  # a value that cannot be read cannot be searched
            del ds[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                _remove_leaks(item, identifiers)
        elif element.VR in _TEXTS - {"CS"} and element.keyword not in CLEANED:
            text = read_text(ds, element.keyword).casefold()
            if any(identifier in text for identifier in identifiers):
                del ds[element.tag]


def _methods(how: Deidentification) -> list[Dataset]:
    """De-identification Method Code Sequence (PS3.16 CID 7050)."""
    used = [codes.DCM.BasicApplicationConfidentialityProfile]
    used += [codes.DCM.CleanDescriptorsOption] if how.clean_descriptors else []
    used += [codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption] if how.keep_dates else []
    used += [codes.DCM.RetainUidsOption] if how.retain_uids else []
    items = []
    for code in used:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
        item.CodeMeaning = code.meaning[:64]
        items.append(item)
    return items
