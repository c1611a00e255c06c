"""What the reader noticed of a file, a series, a patient or a table row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ctsma_node.errors import Refused
from trainer.cohort.codes import REASONS


class PatientKey(NamedTuple):
    """Whom an image belongs to: Issuer of Patient ID (0010,0021) and Patient ID (0010,0020)."""

    issuer: str
    patient_id: str


@dataclass(frozen=True)
class Finding:
    """One thing noticed. `left_out`: it is not used; otherwise it goes on, and this is a remark."""

    code: str
    path: str
    """Relative to the archive, with forward slashes; of a series its first file; "" for none."""
    text: str
    left_out: bool = True
    patient: PatientKey | None = field(default=None)
    series_uid: str = ""


def found(
    code: str,
    path: str = "",
    *,
    left_out: bool = True,
    patient: PatientKey | None = None,
    series_uid: str = "",
    **figures: object,
) -> Finding:
    """A finding with the sentence of its code."""
    return Finding(code, path, REASONS[code].format(**figures), left_out, patient, series_uid)


def from_refusal(
    refusal: Refused, path: str, patient: PatientKey | None = None, series_uid: str = ""
) -> Finding:
    """A refusal as a finding; its reason is the text."""
    return Finding(refusal.code, path, refusal.reason, True, patient, series_uid)
