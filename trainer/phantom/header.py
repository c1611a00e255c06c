"""The DICOM attributes that all images of a synthetic series share (PS3.3 A.3 and A.38)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID

F64 = npt.NDArray[np.float64]
SOFTWARE = "ctsma-train phantom"
DATE, TIME = "20250102", "093000"


@dataclass(frozen=True)
class Header:
    """Who and what a series says it is; every UID follows from `seed` and `series`."""

    seed: int
    series: int = 1
    """Number of the series within the study of the seed."""
    study: str = ""
    """Names one of several studies of the seed; part of its UIDs."""
    patient_name: str = "PHANTOM^KNEE"
    patient_id: str = ""
    """PHANTOM-<seed> where empty."""
    patient_sex: str = ""
    """Drawn where empty."""
    patient_age: int | None = None
    """Years; drawn, 40 to 79, where None."""
    study_description: str = "CT knee"
    series_description: str = "Knee, synthetic"
    body_part: str = "KNEE"
    laterality: str = ""
    """Empty as scanners leave it: the side is to be seen in the image. None takes it out, by `overrides`."""
    overrides: dict[str, object] = field(default_factory=dict)
    """Attributes by keyword, put in last; None takes the attribute out."""

    def uid(self, *role: object) -> UID:
        """A UID under 2.25 (PS3.5 B.2), the same for the same seed and role."""
        digest = hashlib.sha256(
            "|".join(str(part) for part in ("phantom", self.seed, *role)).encode()
        ).digest()
        number = bytearray(digest[:16])
        number[6] = number[6] & 0x0F | 0x50
        number[8] = number[8] & 0x3F | 0x80
        return UID(f"2.25.{int.from_bytes(number, 'big')}")

    @property
    def study_uid(self) -> UID:
        """StudyInstanceUID."""
        return self.uid("study", *self._study)

    @property
    def frame_of_reference_uid(self) -> UID:
        """FrameOfReferenceUID: one for each study."""
        return self.uid("frame of reference", *self._study)

    @property
    def _study(self) -> tuple[str, ...]:
        return (self.study,) if self.study else ()

    @property
    def series_uid(self) -> UID:
        """SeriesInstanceUID."""
        return self.uid("series", self.series)


def sequence_item(code: Code) -> Dataset:
    """A coded concept as an item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    return item


def add_patient_and_study(ds: Dataset, header: Header) -> None:
    """Patient, Patient Study and General Study modules."""
    rng = np.random.default_rng((header.seed, 23))
    sex, age = str(rng.choice(["F", "M"])), int(rng.integers(40, 80))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = header.patient_name
    ds.PatientID = header.patient_id or f"PHANTOM-{header.seed}"
    ds.PatientSex = header.patient_sex or sex
    years = age if header.patient_age is None else header.patient_age
    ds.PatientBirthDate = f"{2025 - years}0101"
    ds.PatientAge = f"{years:03d}Y"
    ds.StudyInstanceUID = header.study_uid
    ds.StudyDate, ds.StudyTime, ds.StudyID = DATE, TIME, "1"
    ds.ReferringPhysicianName, ds.AccessionNumber = "", f"P{header.seed % 10**12}"
    ds.StudyDescription = header.study_description


def add_series_and_equipment(ds: Dataset, header: Header, modality: str, protocol: str) -> None:
    """General Series, Frame of Reference, General Equipment."""
    ds.Modality = modality
    ds.SeriesInstanceUID = header.series_uid
    ds.SeriesNumber = header.series + 1
    ds.SeriesDescription = header.series_description
    ds.SeriesDate, ds.SeriesTime = DATE, TIME
    ds.BodyPartExamined = header.body_part
    ds.PatientPosition = "FFS"
    ds.Laterality = header.laterality
    ds.FrameOfReferenceUID = header.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer, ds.ManufacturerModelName = "ctsma_node", f"Synthetic {modality}"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", SOFTWARE
    ds.ProtocolName = protocol


def add_plane(ds: Dataset, affine: F64, k: int) -> None:
    """Image Plane module of slice k of a grid (PS3.3 C.7.6.2)."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    direction = affine[:3, :3] / spacing
    ds.ImageOrientationPatient = [decimal(v) for v in (*direction[:, 0], *direction[:, 1])]
    ds.ImagePositionPatient = [decimal(v) for v in affine[:3, 3] + k * affine[:3, 2]]
    ds.PixelSpacing = [decimal(spacing[1]), decimal(spacing[0])]


def decimal(value: float) -> str:
    """A Decimal String of at most 16 characters (PS3.5 6.2)."""
    text = f"{float(value):.9f}".rstrip("0").rstrip(".")
    return text[:16] if text not in ("-0", "") else "0"


def add_pixels(ds: Dataset, rows: int, columns: int, *, signed: bool = True) -> None:
    """Image Pixel module of 16 bits: signed for HU, unsigned for the signal of MR."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = int(signed)


def apply_overrides(ds: Dataset, header: Header) -> None:
    """Put in what the caller asked for, true or not."""
    for keyword, value in header.overrides.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)


KNEE = codes.SCT.KneeJoint
