"""A usable series: a stack of CT or MR slices of one patient's knee, ready to be paired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from trainer.cohort.findings import PatientKey

Affine = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Candidate:
    """Everything that pairing and reading need of one series."""

    modality: str
    """CT or MR."""
    source: str
    """dicom or nifti."""
    patient: PatientKey
    side: str
    """R, L, B (both knees) or "" (unknown)."""
    side_source: str
    """header, folder or table; later also what else told the side."""
    date: date | None
    files: tuple[str, ...]
    """Relative to the archive; of single-frame DICOM in the order of the slices."""
    size: tuple[int, int, int]
    """Voxels along i, j, k."""
    spacing: tuple[float, float, float]
    """Along i, j, k, mm."""
    affine: Affine
    """Index (i, j, k, 1) to LPS mm, 4 x 4."""
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    series_number: int = 0
    sequence: str = ""
    """What told that an MR is balanced: name or values."""
    kernel: str = ""
    sha256: str = ""
    """Digest of a NIfTI file; "" for DICOM, which has UIDs."""
    listed: str = ""
    """The two NIfTI files of one pair have the same mark, for they belong together; "" for DICOM."""

    @property
    def path(self) -> str:
        """The file that names the series in reports."""
        return min(self.files)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel, mm3: the smaller, the finer."""
        x, y, z = self.spacing
        return x * y * z

    @property
    def width_mm(self) -> float:
        """The longest side of the field of view, mm."""
        return max(n * s for n, s in zip(self.size, self.spacing, strict=True))
