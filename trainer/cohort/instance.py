"""What is kept of one instance's header: enough to judge its series, its patient and its side."""

from __future__ import annotations

from dataclasses import dataclass

from ctsma_node.assemble import FrameGeometry
from trainer.cohort.findings import PatientKey

Texts = tuple[tuple[str, str], ...]
"""Attributes in order of trust: (keyword, text), the empty ones left out."""


@dataclass(frozen=True)
class Person:
    """The patient as one instance tells it. Held in memory alone, never written."""

    key: PatientKey
    names: frozenset[str]
    """Each representation of the name in a form to compare."""
    birth_date: str
    sex: str
    undeclared_characters: bool


@dataclass(frozen=True)
class Header:
    """What the instances of one series share."""

    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    modality: str
    sop_class_uid: str
    person: Person
    date: str
    """YYYYMMDD of the study, else of the series or acquisition; "" where none can be read."""
    series_number: int
    transfer_syntax: str
    conversion_type: str
    burned_in: bool
    lossy: bool
    grey: bool
    """One grey sample of 10 bits or more."""
    laterality: tuple[str, ...]
    """Coded sides: R, L, B or U."""
    names: Texts
    """Texts of the series: body part, protocol, description."""
    study_names: Texts
    """Texts of the study and of its order."""
    sequence: Texts
    """Names of the pulse sequence."""
    scanning_sequence: tuple[str, ...]
    sequence_variant: tuple[str, ...]
    acquisition_type: str
    repetition_ms: float | None
    echo_ms: float | None
    kernel: str


@dataclass(frozen=True)
class Instance:
    """One image on disk, without its pixels."""

    path: str
    """Relative to the archive, with forward slashes."""
    sop_uid: str
    header: Header
    frames: tuple[FrameGeometry, ...]
    pixels: str
    """"", "missing_pixels" or "truncated_pixels"."""
