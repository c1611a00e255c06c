"""Technical attributes of an instance, by a list of what may leave: a name in any element stays here.

Numbers leave as numbers, coded texts only where they are a term on this list. Any other text leaves as its
length: manufacturers, kernels and descriptions are free text, and people write names into free text.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

NUMBERS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelPaddingValue", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceLocation", "InstanceNumber"),
    *("RescaleSlope", "RescaleIntercept", "KVP", "XRayTubeCurrent", "Exposure", "ExposureTime"),
    *("GantryDetectorTilt", "ReconstructionDiameter", "DataCollectionDiameter", "TableHeight"),
)
TERMS: dict[str, frozenset[str]] = {
    "Modality": frozenset({"CT", "MR", "PT", "OT", "SR", "SEG"}),
    "PhotometricInterpretation": frozenset({"MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR"}),
    "PatientPosition": frozenset({"HFS", "HFP", "FFS", "FFP", "HFDL", "HFDR", "FFDL", "FFDR"}),
    "RescaleType": frozenset({"HU", "US", "OD"}),
    "LossyImageCompression": frozenset({"00", "01"}),
    "BurnedInAnnotation": frozenset({"YES", "NO"}),
    "Laterality": frozenset({"L", "R"}),
    "ImageLaterality": frozenset({"L", "R", "B", "U"}),
    "BodyPartExamined": frozenset({"KNEE", "LEG", "LOWER LIMB", "FEMUR", "TIBIA", "EXTREMITY"}),
    "ImageType": frozenset({"ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "LOCALIZER", "MPR"}),
    "Manufacturer": frozenset(
        {"SIEMENS", "SIEMENS HEALTHINEERS", "GE MEDICAL SYSTEMS", "PHILIPS", "TOSHIBA", "CANON_MEC"}
    ),
    "ConvolutionKernel": frozenset({"STANDARD", "SOFT", "DETAIL", "BONE", "BONEPLUS", "EDGE", "LUNG"}),
}
_KERNEL = re.compile(r"[A-Z]{1,2}\d{2}[FSHD]?", re.IGNORECASE)  # Br64, H60s, FC30
_LARGEST = 1e6  # a number beyond it may be an identifier


def technical(path: Path) -> dict[str, Any]:
    """Return the attributes of a file that may leave; a file that cannot be read says so."""
    try:
        ds = dcmread(path, stop_before_pixels=True, specific_tags=[*NUMBERS, *TERMS])
        found: dict[str, Any] = {"TransferSyntaxUID": str(ds.file_meta.get("TransferSyntaxUID", ""))}
        if not found["TransferSyntaxUID"].startswith("1.2.840.10008.1.2"):
            found["TransferSyntaxUID"] = "private"
        return found | _numbers(ds) | _terms(ds)
    except FileNotFoundError:
        return {"unreadable": "no file"}
    except (InvalidDicomError, OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        return {"unreadable": type(error).__name__}


def _numbers(ds: Dataset) -> dict[str, Any]:
    found = {}
    for keyword in NUMBERS:
        if keyword in ds:
            numbers = [_number(each) for each in _values(ds, keyword)]
            found[keyword] = numbers[0] if len(numbers) == 1 else numbers
    return found


def _number(value: object) -> float | str:
    try:
        number = float(str(value))
    except ValueError:
        return "not a number"
    return number if math.isfinite(number) and abs(number) <= _LARGEST else "out of range"


def _terms(ds: Dataset) -> dict[str, Any]:
    return {
        keyword: [_term(str(each), keyword) for each in _values(ds, keyword)]
        for keyword in TERMS
        if keyword in ds
    }


def _term(value: str, keyword: str) -> str:
    known = value.strip().upper() in TERMS[keyword]
    if known or (keyword == "ConvolutionKernel" and _KERNEL.fullmatch(value.strip())):
        return value.strip()
    return f"other, {len(value)} characters"


def _values(ds: Dataset, keyword: str) -> list[object]:
    value = ds[keyword].value
    return list(value) if isinstance(value, MultiValue | list) else [value]
