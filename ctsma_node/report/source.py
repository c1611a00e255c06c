"""The analysed series as the objects of a report need it: patient and study, references, an instant.

Headers of real series break the rules (absent type 2 attributes, sex "X", birth date "1955"); what is copied
from them is brought into form here, on copies. The headers themselves are never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ctsma_node.errors import Refused
from ctsma_node.report.attributes import EQUIPMENT, LOSSY, PATIENT_AND_STUDY, TYPE_2
from ctsma_node.report.identity import uid_from

_VALID = {
    "PatientSex": re.compile(r"[MFO]?"),
    "PatientAge": re.compile(r"\d{3}[DWMY]"),
    "PatientSize": re.compile(r"\d{1,3}(\.\d{1,10})?"),
    "PatientWeight": re.compile(r"\d{1,4}(\.\d{1,10})?"),
    "SeriesNumber": re.compile(r"\d{1,8}"),
    "PatientPosition": re.compile(r"[HF]F(S|P|DR|DL)|[AP]F(S|P|DR|DL)|[LR]F[PS]"),
    "PositionReferenceIndicator": re.compile(r".{0,64}"),
    "TimezoneOffsetFromUTC": re.compile(r"[+-][01]\d[0-5]\d"),
}
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_INSTANTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("SeriesDate", "SeriesTime"),
    ("ContentDate", "ContentTime"),
    ("StudyDate", "StudyTime"),
)
_NO_INSTANT = ("19000101", "000000")


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
        Refused: a header has no study, series or instance UID, so that no object could refer to it.
    """
    if not headers:
        raise ValueError("a report needs the headers of the series that was analysed")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
        if not all(_text(ds, keyword) for ds in headers):
            raise Refused(
                "missing_uid", f"{keyword} is absent or empty, so no result can refer to the images"
            )
    first = headers[0]
    series_uid = _text(first, "SeriesInstanceUID")
    return Source(
        patient_and_study=_patient_and_study(first),
        equipment=_copy(first, EQUIPMENT),
        lossy=_copy(first, LOSSY) if _text(first, "LossyImageCompression") == "01" else Dataset(),
        series_uid=series_uid,
        series_number=_valid_text(first, "SeriesNumber") or "-",
        # The results share one space even where the source names none.
        frame_of_reference_uid=_text(first, "FrameOfReferenceUID")
        or uid_from("frame of reference", series_uid),
        position_reference_indicator=_valid_text(first, "PositionReferenceIndicator"),
        patient_position=_valid_text(first, "PatientPosition"),
        instant=_instant(headers),
        instances=tuple(
            SourceInstance(_text(ds, "SOPClassUID"), _text(ds, "SOPInstanceUID")) for ds in headers
        ),
    )


def _patient_and_study(header: Dataset) -> Dataset:
    copied = _copy(header, [*TYPE_2, *PATIENT_AND_STUDY])
    for keyword in TYPE_2:
        if keyword not in copied:
            setattr(copied, keyword, "")
    return copied


def _copy(header: Dataset, keywords: Iterable[str]) -> Dataset:
    """Copies of the attributes that are there with a valid value, written as they were read.

    An identifier that is longer than its value representation allows is kept: the archive files the results
    under the patient and study by it. Validation is off, since a warning would quote the value.
    """
    copied = Dataset()
    for keyword in keywords:
        element = _element(header, keyword)
        if element is not None and not element.is_empty and _is_valid(header, keyword):
            copied.add(DataElement(element.tag, element.VR, element.value, validation_mode=config.IGNORE))
    return copied


def _is_valid(header: Dataset, keyword: str) -> bool:
    vr = dictionary_VR(keyword)
    if vr == "DA":
        return _is_date(_text(header, keyword))
    if vr == "TM":
        return _TIME.fullmatch(_text(header, keyword)) is not None
    pattern = _VALID.get(keyword)
    return pattern is None or pattern.fullmatch(_text(header, keyword)) is not None


def _valid_text(header: Dataset, keyword: str) -> str:
    return _text(header, keyword) if _is_valid(header, keyword) else ""


def _instant(headers: Sequence[Dataset]) -> tuple[str, str]:
    """Date and time that stand for "when" in every object of the report.

    It is the source's own (the first kind that is complete, its latest value), not the clock's: an analysis
    that is repeated must give the same bytes, and a Content Date is type 1 in most of the objects.
    """
    for date_keyword, time_keyword in _INSTANTS:
        pairs = [(_text(ds, date_keyword), _text(ds, time_keyword)) for ds in headers]
        valid = [pair for pair in pairs if _is_date(pair[0]) and _TIME.fullmatch(pair[1])]
        if valid:
            return max(valid)
    return _NO_INSTANT


def _is_date(text: str) -> bool:
    if re.fullmatch(r"\d{8}", text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _element(header: Dataset, keyword: str) -> DataElement | None:
    """An attribute of a header; None where it is absent or its value cannot be decoded."""
    try:
        return header[keyword]
    except KeyError:
        return None
    except (ValueError, TypeError, ArithmeticError, NotImplementedError):
        return None


def _text(header: Dataset, keyword: str) -> str:
    element = _element(header, keyword)
    return "" if element is None or element.value is None else str(element.value).strip()
