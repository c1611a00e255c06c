"""What a site may set for its cohort."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CohortSettings(BaseModel):
    """Limits of the archive reader; the manifest keeps the ones it was made with."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_days: int = Field(default=180, ge=0)
    """Largest number of days between the CT and the MR of a pair."""
    folds: int = Field(default=5, ge=2, le=20)
    """Number of folds; a patient's pairs are all in one."""
    fold_seed: int = 1
    """Changes which patients share a fold."""
    mr_names: tuple[str, ...] = ()
    """Further words in sequence, protocol or series names that mark a usable MR, beside the balanced ones."""
    allow_2d_mr: bool = False
    """Accept MR Acquisition Type 2D."""
    allow_derived_primary: bool = False
    """Accept Image Type DERIVED\\PRIMARY, for scanners that label their own reconstructions so."""
    allow_lossy: bool = False
    """Accept lossy compressed pixels, which are unfit for texture."""
    allow_equal_names: bool = False
    """Keep patients whom only their ID tells apart (same name, birth date and sex); they share a fold."""
    min_ct_slices: int = Field(default=30, ge=3)
    """Fewest slices of a CT."""
    min_mr_slices: int = Field(default=16, ge=3)
    """Fewest slices of an MR."""
    max_ct_pixel_mm: float = Field(default=1.2, gt=0)
    """Largest pixel spacing of a CT, mm."""
    max_mr_pixel_mm: float = Field(default=0.5, gt=0)
    """Largest pixel spacing of an MR, mm: trabeculae are gone beyond (the paper's is 0.234 mm)."""
    max_slice_spacing_mm: float = Field(default=3.0, gt=0)
    """Largest distance of neighbouring slices, mm."""
    max_tilt_degrees: float = Field(default=35.0, ge=0, lt=80)
    """Largest shear of a stack; gantries tilt up to 30 degrees."""
    both_knees_mm: float = Field(default=280.0, gt=0)
    """A CT without side at least this wide (mm) is taken to show both knees of a patient with MR of both."""
