"""Every code of the gate with the sentence that goes with it; codes are stable, sentences may improve.

The rules for sentences are those of `ctsma_node.assemble.refusals`, whose codes the gate uses too.
"""

from __future__ import annotations

from ctsma_node.assemble import refusals as assembling
from ctsma_node.errors import Refused

_ROUTE = "route only the scanner's own CT slices to this node."

REASONS: dict[str, str] = assembling.REASONS | {
    "several_series": (
        "The instances belong to {count} series or studies (0020,000E; 0020,000D): send each series "
        "by itself."
    ),
    "missing_uid": (
        "{count} of {total} instances name no study, series, class or instance by a UID that results could "
        "refer to: send the series again from the archive."
    ),
    "several_patients": (
        "The instances of one series name {count} different patients (0010,0020): have the PACS "
        "correct the study."
    ),
    "not_ct": ("{count} of {total} instances are not CT by Modality (0008,0060) or SOP Class: " + _ROUTE),
    "quadruped": (
        "{count} of {total} instances are not of a biped by Anatomical Orientation Type (0010,2210), so that "
        "their axes are not a person's: send CTs of people only."
    ),
    "secondary_capture": (
        "{count} of {total} instances are secondary captures by SOP Class (0008,0016) or Conversion "
        "Type (0008,0064), not measured slices: " + _ROUTE
    ),
    "not_a_ct_image": (
        "{count} of {total} instances cannot hold CT numbers: colour or palette pixels, or fewer than "
        "10 bits (0028,0004; 0028,0101): " + _ROUTE
    ),
    "localizer": ("The series holds localizers only (Image Type (0008,0008), {count} slices): " + _ROUTE),
    "burned_in_annotation": (
        "{count} of {total} instances carry burned in annotation (0028,0301), which overwrites "
        "measured values: send the images as the scanner made them."
    ),
    "lossy_compressed": (
        "{count} of {total} instances are lossy compressed (transfer syntax or (0028,2110)), which is "
        "unfit for texture: send the lossless original."
    ),
    "derived": (
        "{count} of {total} slices are derived images by Image Type (0008,0008), reformatted or "
        "processed from others: send the original reconstruction, or set gate.allow_derived_primary "
        "for a scanner that labels its reconstructions DERIVED\\PRIMARY."
    ),
    "projection": (
        "{count} of {total} slices are projections, renderings or differences by Image Type "
        "(0008,0008): send the original reconstruction."
    ),
    "material_map": (
        "{count} of {total} slices are spectral maps by Image Type (0008,0008), not CT numbers of one "
        "tube voltage: send the conventional reconstruction."
    ),
    "paediatric_age": (
        "The patient is younger than {limit:g} years (0010,1010; 0010,0030): the method was made for "
        "adults; gate.min_age_years sets the limit."
    ),
    "mixed_frame_of_reference": (
        "The slices lie in {count} frames of reference (0020,0052), so their positions cannot be "
        "compared: send one acquisition per series."
    ),
    "several_orientations": (
        "The slices have more than one orientation (0020,0037; {count} of {total} differ from the "
        "first): send each stack as a series of its own."
    ),
    "several_stacks": (
        "{count} planes are held by slices at different places of the same plane: send the "
        "reconstruction of each field of view as a series of its own."
    ),
    "duplicate_positions": (
        "{count} planes hold more than one slice with different pixels: send one reconstruction, "
        "phase and energy per series."
    ),
    "mixed_reconstruction": (
        "The slices were made with {count} different kernels (0018,1210) or tube voltages (0018,0060): send "
        "each reconstruction as a series of its own."
    ),
    "too_few_slices": (
        "The series has {count} slices, at least {limit} are needed: send the whole thin series."
    ),
    "missing_slices": (
        "{count} slices are missing between the {total} that arrived (gaps in Image Position "
        "(0020,0032)): send the series again, whole."
    ),
    "missing_instances": (
        "{count} instances of a concatenation (0020,0161) did not arrive: send the series again, whole."
    ),
    "uneven_spacing": (
        "The slices are not evenly spaced (one lies {stray:.2f} mm from its place, spacing "
        "{spacing:.2f} mm; Image Position (0020,0032)): send one continuous reconstruction."
    ),
    "tilted_stack": (
        "The slices are shifted against one another ({stray:.2f} mm off a straight line, {tilt:.1f} "
        "degrees tilt; Image Position (0020,0032)) and cannot be resampled correctly: send a "
        "reconstruction without tilt."
    ),
    "short_coverage": (
        "The stack covers {coverage:.0f} mm, at least {limit:g} mm are needed: send the whole knee."
    ),
    "too_thick_slices": (
        "Slice {what} is {value:.2f} mm, at most {limit:g} mm can be used: send the thin reconstruction."
    ),
    "coarse_pixels": (
        "Pixel Spacing (0028,0030) is {value:.2f} mm, at most {limit:g} mm can be used: send a "
        "reconstruction with a smaller field of view."
    ),
    "too_large": (
        "The series has {count} million voxels, at most {limit} million are decoded: send one knee, "
        "or raise gate.max_voxels if the machine has the memory."
    ),
    "blank_slices": (
        "{count} of {total} slices inside the stack hold one value only: send the series again from "
        "the archive."
    ),
    "metal_implant": (
        "{volume:.0f} mm3 of metal stand in the field of view (above {threshold:g} HU); its streaks "
        "spoil the texture: only knees without implant can be analysed."
    ),
}


def refused(code: str, **figures: object) -> Refused:
    """The refusal of one code, its sentence completed with counts and measures."""
    return Refused(code, REASONS[code].format(**figures))
