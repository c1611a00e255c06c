"""The Patient ID of a stored file, where the site has audit messages carry it."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.multival import MultiValue


def patient_id(path: Path) -> str | None:
    """(0010,0020) of a Part 10 file, as XML can say it; None where it has none that can be read."""
    try:
        found = dcmread(
            path, stop_before_pixels=True, specific_tags=["SpecificCharacterSet", "PatientID"]
        ).get("PatientID")
    except Exception:  # a file that cannot be read so far is the gate's to judge
        return None
    several = found if isinstance(found, MultiValue) else [found or ""]
    return "\\".join(_printable(str(each).split("\0")[0]).strip() for each in several) or None


def _printable(text: str) -> str:
    """Without control characters: XML 1.0 knows most of them not even as references."""
    return "".join(letter for letter in text if letter.isprintable())
