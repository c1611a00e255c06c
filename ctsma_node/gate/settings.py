"""The limits a site may set for the gate."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """`[gate]` of node.toml: what a series must be to be analysed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_age_years: float = Field(default=18.0, ge=0, le=120)
    """Patients younger than this are refused; an unknown age is accepted. 0 switches the check off."""
    min_slices: int = Field(default=30, ge=3)
    """Fewest slices of a stack."""
    min_coverage_mm: float = Field(default=50.0, ge=0)
    """Smallest distance between the outer slices, mm."""
    max_slice_spacing_mm: float = Field(default=3.0, gt=0)
    """Largest distance of neighbouring slices, mm."""
    max_slice_thickness_mm: float = Field(default=4.0, gt=0)
    """Largest Slice Thickness (0018,0050), mm; texture is gone beyond. An absent one is accepted."""
    max_pixel_spacing_mm: float = Field(default=1.2, gt=0)
    """Largest Pixel Spacing, mm."""
    max_tilt_degrees: float = Field(default=35.0, ge=0, lt=80)
    """Largest shear of a stack; gantries tilt up to 30 degrees."""
    max_voxels: int = Field(default=500_000_000, gt=0)
    """Largest volume that is decoded: 4 bytes of memory for each voxel."""
    max_metal_mm3: float = Field(default=20.0, ge=0)
    """Largest volume of solid metal in the field of view, mm3."""
    allow_lossy: bool = False
    """Accept lossy compressed pixels, which are unfit for texture."""
    allow_derived_primary: bool = False
    """Accept Image Type DERIVED\\PRIMARY, for scanners that label their own reconstructions so."""
