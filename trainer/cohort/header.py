"""One dataset to the header that its series shares."""

from __future__ import annotations

from pydicom.dataset import Dataset

from ctsma_node.assemble.attributes import items, number, text, texts, whole
from ctsma_node.assemble.syntax import transfer_syntax
from ctsma_node.uids import is_lossy
from trainer.cohort.characters import is_undeclared, name_keys, read_text
from trainer.cohort.findings import PatientKey
from trainer.cohort.instance import Header, Person, Texts

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_NAMES = ("BodyPartExamined", "ProtocolName", "SeriesDescription")
_STUDY_NAMES = (
    "PerformedProcedureStepDescription",
    "StudyDescription",
    "RequestedProcedureDescription",
)
_SEQUENCE = ("PulseSequenceName", "SequenceName", "ProtocolName", "SeriesDescription")
_SIDE_CODES = {
    **dict.fromkeys(("24028007", "G-A100"), "R"),  # SNOMED CT, and its earlier RT codes (PS3.16 CID 244)
    **dict.fromkeys(("7771000", "G-A101"), "L"),
    **dict.fromkeys(("51440002", "G-A102"), "B"),
}
_CLASSIC = {
    **{"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")},  # (0018,9008)
    **{"FREE_PRECESSION": ("SS",), "TRANSVERSE": ("SP",)},  # (0018,9017)
}
"""Terms of Enhanced MR (PS3.3 C.8.13.4) in those of MR (PS3.3 C.8.3.1)."""
_GREY = ("", "MONOCHROME1", "MONOCHROME2")
_FEWEST_BITS = 10


def header_of(ds: Dataset) -> Header:
    """Read what judging needs; the unreadable is empty."""
    syntax = str(transfer_syntax(ds))
    return Header(
        series_uid=text(ds, "SeriesInstanceUID"),
        study_uid=text(ds, "StudyInstanceUID"),
        frame_of_reference_uid=text(ds, "FrameOfReferenceUID"),
        modality=text(ds, "Modality").upper(),
        sop_class_uid=text(ds, "SOPClassUID"),
        person=_person(ds),
        date=next((day for keyword in _DATES if (day := _day(text(ds, keyword)))), ""),
        series_number=whole(ds, "SeriesNumber") or 0,
        transfer_syntax=syntax,
        conversion_type=text(ds, "ConversionType").upper(),
        burned_in="YES" in (_upper(ds, "BurnedInAnnotation"), _upper(ds, "RecognizableVisualFeatures")),
        lossy=is_lossy(text(ds, "LossyImageCompression"), syntax),
        grey=_is_grey(ds),
        laterality=_laterality(ds),
        names=(*_regions(ds), *_texts(ds, _NAMES)),
        study_names=_texts(ds, _STUDY_NAMES),
        sequence=_texts(ds, _SEQUENCE),
        scanning_sequence=_words(ds, "ScanningSequence") or _as_classic(ds, "EchoPulseSequence"),
        sequence_variant=_words(ds, "SequenceVariant") or _as_classic(ds, "SteadyStatePulseSequence"),
        acquisition_type=_upper(ds, "MRAcquisitionType"),
        repetition_ms=_timing(ds, "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        echo_ms=number(ds, "EchoTime") or _timing(ds, "MREchoSequence", "EffectiveEchoTime"),
        kernel=text(ds, "ConvolutionKernel"),
    )


def _as_classic(ds: Dataset, keyword: str) -> tuple[str, ...]:
    return _CLASSIC.get(_upper(ds, keyword), ())


def _timing(ds: Dataset, macro: str, keyword: str) -> float | None:
    """A time of the instance, else of its functional groups (the first frame's)."""
    groups = (
        *items(ds, "SharedFunctionalGroupsSequence"),
        *items(ds, "PerFrameFunctionalGroupsSequence")[:1],
    )
    found = [number(item, keyword) for group in groups for item in items(group, macro)]
    return number(ds, keyword) or next((value for value in found if value), None)


def _person(ds: Dataset) -> Person:
    issuer, patient_id = read_text(ds, "IssuerOfPatientID"), read_text(ds, "PatientID")
    sex = text(ds, "PatientSex").upper()
    return Person(
        key=PatientKey(issuer, patient_id),
        names=name_keys(read_text(ds, "PatientName")),
        birth_date=_day(text(ds, "PatientBirthDate")),
        sex=sex if sex in ("F", "M", "O") else "",
        undeclared_characters=any(
            is_undeclared(ds, keyword) for keyword in ("PatientName", "PatientID", *_NAMES, *_STUDY_NAMES)
        ),
    )


def _laterality(ds: Dataset) -> tuple[str, ...]:
    """Every coded side: of the series, the image, its frames, and the modifiers of its region."""
    sides = {_upper(ds, "Laterality"), _upper(ds, "ImageLaterality")}
    for group in (
        *items(ds, "SharedFunctionalGroupsSequence"),
        *items(ds, "PerFrameFunctionalGroupsSequence"),
    ):
        for anatomy in items(group, "FrameAnatomySequence"):
            sides |= {_upper(anatomy, "FrameLaterality"), *_modifiers(anatomy)}
    return tuple(sorted((sides | _modifiers(ds)) & {"R", "L", "B", "U"}))


def _modifiers(ds: Dataset) -> set[str]:
    regions = [ds, *items(ds, "AnatomicRegionSequence")]
    modifiers = [item for region in regions for item in items(region, "AnatomicRegionModifierSequence")]
    return {_SIDE_CODES.get(text(item, "CodeValue"), "") for item in modifiers}


def _regions(ds: Dataset) -> Texts:
    meanings = (read_text(item, "CodeMeaning") for item in items(ds, "AnatomicRegionSequence"))
    return tuple(("AnatomicRegionSequence", meaning) for meaning in meanings if meaning)


def _texts(ds: Dataset, keywords: tuple[str, ...]) -> Texts:
    pairs = ((keyword, read_text(ds, keyword)) for keyword in keywords)
    return tuple((keyword, value) for keyword, value in pairs if value)


def _words(ds: Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(value.upper() for value in texts(ds, keyword) if value)


def _upper(ds: Dataset, keyword: str) -> str:
    return text(ds, keyword).upper()


def _is_grey(ds: Dataset) -> bool:
    one_sample = whole(ds, "SamplesPerPixel") in (None, 1)
    deep = (whole(ds, "BitsStored") or 16) >= _FEWEST_BITS and whole(ds, "BitsAllocated") != 8
    return one_sample and deep and _upper(ds, "PhotometricInterpretation") in _GREY


def _day(value: str) -> str:
    """YYYYMMDD of a date in DICOM's, ACR-NEMA's or ISO's form; "" for anything else."""
    digits = value.replace(".", "").replace("-", "")[:8]
    return digits if len(digits) == 8 and digits.isascii() and digits.isdigit() else ""
