"""What a series is, before its geometry: one check per function, each raises Refused with its code."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from ctsma_node.assemble.strays import SECONDARY_CAPTURE, is_localizer
from trainer.cohort.codes import refused
from trainer.cohort.instance import Header, Instance
from trainer.cohort.settings import CohortSettings
from trainer.cohort.words import KNEE, LOCALIZER, OTHER_PART

SOP_CLASSES = {
    "CT": frozenset({CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage}),
    "MR": frozenset({MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage}),
}
_CAPTURED = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})
"""Conversion Type of the SC Equipment module (PS3.3 C.8.6.1): digitised, screen or workstation, drawn."""
_PROJECTED = frozenset({"MIP", "MINIP", "MAXIP", "PROJECTION", "SCREEN", "CURVED", "CPR"})
_RENDERED = frozenset({"VRT", "VR", "SSD", "RENDERING", "RENDERED"})
_MAPPED = frozenset(
    {"ADDITION", "SUBTRACTION", "SUBTRACTED", "IODINE", "CALCIUM", "URIC", "WATER", "FAT", "VNC"}
)
_NOT_SLICES = _PROJECTED | _RENDERED | _MAPPED | {"ZEFF", "ADC", "T1MAP", "T2MAP"}
_PHASE = frozenset({"P", "PHASE", "R", "REAL", "I", "IMAGINARY"})


def one_series(headers: Sequence[Header]) -> None:
    """One modality, study and patient."""
    for code, values in (
        ("several_patients", {header.person.key for header in headers}),
        ("several_studies", {header.study_uid for header in headers}),
        ("mixed_modality", {_family(header) for header in headers}),
    ):
        if len(values) > 1:
            raise refused(code, count=len(values))


def is_capture(header: Header) -> bool:
    """A secondary capture, by SOP class or by how it was made."""
    return header.sop_class_uid in SECONDARY_CAPTURE or header.conversion_type in _CAPTURED


def known_modality(headers: Sequence[Header]) -> None:
    """CT or MR by modality and SOP class; secondary captures first, since they may say CT or MR."""
    if any(is_capture(header) for header in headers):
        raise refused("secondary_capture")
    if any(_family(header) not in SOP_CLASSES for header in headers):
        raise refused("other_modality")


def localizer(instances: Sequence[Instance]) -> None:
    """No localizer, by Image Type or by the name that the operator gave it."""
    header = instances[0].header
    if all(is_localizer(frame.image_type) for each in instances for frame in each.frames):
        raise refused("localizer")
    if any(LOCALIZER.is_in(value) for _, value in header.names):
        raise refused("localizer")


def original(instances: Sequence[Instance], settings: CohortSettings) -> None:
    """The scanner's own slices: not projected, not a map, not derived, magnitude of an MR."""
    for kind in {frame.image_type for each in instances for frame in each.frames}:
        named = set(" ".join(kind[2:]).replace("_", " ").replace("-", " ").split())
        if named & _NOT_SLICES:
            raise refused("projection")
        if _family(instances[0].header) == "MR" and named & _PHASE:
            raise refused("phase_image")
        primary = settings.allow_derived_primary and kind[1:2] == ("PRIMARY",)
        if kind[:1] == ("DERIVED",) and not primary:
            raise refused("derived")


def knee(header: Header) -> bool:
    """Whether something names the knee; nothing may name another part of the body alone."""
    parts = [
        value for keyword, value in header.names if keyword in ("BodyPartExamined", "AnatomicRegionSequence")
    ]
    texts = [value for _, value in header.names if value not in parts]
    by_part, by_text = _names(parts), _names(texts)
    if by_part == "knee" and by_text == "other":
        raise refused("contradicting_body_part")
    if "knee" not in (by_part, by_text) and "other" in (by_part, by_text, _names(_study(header))):
        raise refused("other_body_part")
    return "knee" in (by_part, by_text, _names(_study(header)))


def _study(header: Header) -> list[str]:
    return [value for _, value in header.study_names]


def _names(texts: Sequence[str]) -> str:
    """What texts name: the knee (beside whatever else), another part alone, or "" for neither."""
    if any(KNEE.is_in(value) for value in texts):
        return "knee"
    return "other" if any(OTHER_PART.is_in(value) for value in texts) else ""


def _family(header: Header) -> str:
    """CT or MR where modality and SOP class agree; the SOP class otherwise."""
    for modality, classes in SOP_CLASSES.items():
        if header.sop_class_uid in classes and header.modality in ("", modality):
            return modality
    return header.sop_class_uid


def modality_of(header: Header) -> str:
    """CT or MR of a header that `known_modality` passed."""
    return _family(header)
