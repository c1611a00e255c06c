"""The Patient ID of a stored file, where the site has audit messages carry it."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread


def patient_id(path: Path) -> str | None:
    """(0010,0020) of a Part 10 file; None where it has none that can be read."""
    try:
        found = dcmread(
            path, stop_before_pixels=True, specific_tags=["SpecificCharacterSet", "PatientID"]
        ).get("PatientID")
    except Exception:  # a file that cannot be read so far is the gate's to judge
        return None
    return str(found) if found else None
