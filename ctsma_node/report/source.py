"""The analysed series as the objects of a report need it: patient and study, references, an instant.

Headers of real series break the rules (absent type 2 attributes, sex "X", birth date "1955"). What is copied
from them is brought into form on copies; the headers themselves are never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ctsma_node.errors import Refused
from ctsma_node.report.attributes import (
    EQUIPMENT,
    LOSSY,
    PATIENT_AND_STUDY,
    REQUIRED_BESIDE,
    TYPE_2,
    TYPE_2_BESIDE,
)
from ctsma_node.report.header_text import text
from ctsma_node.report.header_values import copied, value
from ctsma_node.report.identity import uid_from
from ctsma_node.uids import is_lossy, is_uid

_INSTANTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("SeriesDate", "SeriesTime"),
    ("ContentDate", "ContentTime"),
    ("StudyDate", "StudyTime"),
)
_DATE_LENGTH, _MIDNIGHT = 8, "000000"
_NO_INSTANT = ("19000101", _MIDNIGHT)


@dataclass(frozen=True)
class SourceInstance:
    """One instance of the analysed series."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Source:
    """What a report takes from the analysed series."""

    patient_and_study: Dataset  # valid values only; absent type 2 attributes are there, empty
    equipment: Dataset  # of the scanner
    lossy: Dataset  # how the source's pixels were compressed, where that lost something
    series_uid: str
    series_number: str
    frame_of_reference_uid: str
    position_reference_indicator: str
    patient_position: str
    instant: tuple[str, str]  # DA and TM
    instances: tuple[SourceInstance, ...]

    @property
    def study_uid(self) -> str:
        """The study that every object of the report joins."""
        return str(self.patient_and_study.StudyInstanceUID)


def read_source(headers: Sequence[Dataset]) -> Source:
    """The source of a report from the pixel-free headers of a series, single- or multi-frame.

    Raises:
        Refused: a study, series, instance or class has no UID, or none that an object could refer to.
    """
    if not headers:
        raise ValueError("a report needs the headers of the series that was analysed")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
        _check_uids(headers, keyword)
    first = headers[0]
    series_uid = text(first, "SeriesInstanceUID")
    return Source(
        patient_and_study=_patient_and_study(headers),
        equipment=copied(first, EQUIPMENT),
        lossy=_lossy(headers),
        series_uid=series_uid,
        series_number=_first(headers, "SeriesNumber") or "-",
        # The results share one space even where the source names none.
        frame_of_reference_uid=_space(headers) or uid_from("frame of reference", series_uid),
        position_reference_indicator=_first(headers, "PositionReferenceIndicator"),
        patient_position=_first(headers, "PatientPosition"),
        instant=_instant(headers),
        instances=tuple(
            SourceInstance(text(ds, "SOPClassUID"), text(ds, "SOPInstanceUID")) for ds in headers
        ),
    )


def _lossy(headers: Sequence[Dataset]) -> Dataset:
    """What was lost in any image is lost in the volume: the first that says how much speaks for all."""
    lost = [each for each in headers if is_lossy(text(each, "LossyImageCompression"), _syntax(each))]
    if not lost:
        return Dataset()
    ds = copied(next((each for each in lost if value(each, "LossyImageCompressionRatio")), lost[0]), LOSSY)
    ds.LossyImageCompression = "01"
    return ds


def _syntax(header: Dataset) -> str:
    return str(getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", ""))


def _first(headers: Sequence[Dataset], keyword: str) -> str:
    """The value of the first image that has one; "" where none has."""
    return next((found for ds in headers if (found := value(ds, keyword))), "")


def _space(headers: Sequence[Dataset]) -> str:
    """The Frame of Reference UID as it is there, as other UIDs are; "" where it is none."""
    return next((uid for ds in headers if is_uid(uid := text(ds, "FrameOfReferenceUID"))), "")


def _check_uids(headers: Sequence[Dataset], keyword: str) -> None:
    for ds in headers:
        uid = text(ds, keyword)
        if not uid:
            raise Refused(
                "missing_uid", f"{keyword} is absent or empty, so no result can refer to the images."
            )
        if not is_uid(uid):
            raise Refused(
                "invalid_uid",
                f"{keyword} is no UID of at most 64 characters, so no result can refer to the images.",
            )


def _patient_and_study(headers: Sequence[Dataset]) -> Dataset:
    """Each attribute of the first image that has it: a writer may leave it out of some."""
    ds = Dataset()
    for header in headers:
        here = (keyword for keyword in (*TYPE_2, *PATIENT_AND_STUDY) if keyword in header)
        ds.update(copied(header, [keyword for keyword in here if keyword not in ds]))
    for dependent, alternatives in REQUIRED_BESIDE.items():
        if not any(all(required in ds for required in each) for each in alternatives):
            for keyword in dependent:
                ds.pop(keyword, None)
    present = [keyword for beside, keywords in TYPE_2_BESIDE.items() if beside in ds for keyword in keywords]
    for keyword in (*TYPE_2, *present):
        if keyword not in ds:
            setattr(ds, keyword, "")
    return ds


def _instant(headers: Sequence[Dataset]) -> tuple[str, str]:
    """Date and time that stand for "when" in every object of the report.

    It is the source's own (the first kind that is complete, its latest value), not the clock's: an analysis
    that is repeated must give the same bytes, and a Content Date is type 1 in most of the objects. A date
    without its time, as de-identified images have it, takes the time that is there, else midnight.
    """
    for date_keyword, time_keyword in _INSTANTS:
        pairs = [(value(ds, date_keyword), value(ds, time_keyword)) for ds in headers]
        valid = [pair for pair in pairs if all(pair)]
        if valid:
            return max(valid)
    moment = max(_parted(value(ds, "AcquisitionDateTime")) for ds in headers)
    if all(moment):
        return moment
    date = moment[0] or _latest(headers, (each for each, _ in _INSTANTS))
    time = _latest(headers, (each for _, each in _INSTANTS))
    return (date, time or _MIDNIGHT) if date else _NO_INSTANT


def _parted(moment: str) -> tuple[str, str]:
    """Date and time of a DT value, "" for what it does not say; its offset from UTC is left out."""
    digits = re.split("[+-]", moment)[0]
    return (digits[:8], digits[8:]) if len(digits) >= _DATE_LENGTH else ("", "")


def _latest(headers: Sequence[Dataset], keywords: Iterable[str]) -> str:
    """The latest value of the first attribute that any image has."""
    return next((found for each in keywords if (found := max(value(ds, each) for ds in headers))), "")
