"""The refusals that a site may have explained in a report: `[report] explain_refusals`.

The codes are those of `dicom_templates`, written again so that the receiver, which reads node.toml too, does
not load the report. A series that cannot be read, holds several series or names several patients is not among
them: there is no one study to say it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

EXPLAINED_BY_DEFAULT: tuple[str, ...] = (
    # A knee was seen, and could not be measured.
    "knee_cut_off",
    "metal_implant",
    "bones_not_credible",
    "side_unknown",
    "out_of_distribution",
    # A stack of the scanner's own slices that is not fit, and that the site may be able to send otherwise.
    "lossy_compressed",
    "missing_slices",
    "missing_instances",
    "uneven_spacing",
    "tilted_stack",
    "short_coverage",
    "too_thick_slices",
    "coarse_pixels",
    "blank_slices",
    "truncated_pixels",
    "undecodable_pixels",
    "no_calibrated_hu",
    "paediatric_age",
)
"""What a radiologist would have wanted measured. A localizer, a screenshot, a reformat or a series without a
knee is none of it: each study holds some."""

EXPLAINABLE: tuple[str, ...] = (
    *EXPLAINED_BY_DEFAULT,
    "unsupported_transfer_syntax",
    "missing_pixels",
    "no_geometry",
    "mixed_matrix",
    "not_ct",
    "quadruped",
    "secondary_capture",
    "not_a_ct_image",
    "localizer",
    "burned_in_annotation",
    "derived",
    "projection",
    "material_map",
    "mixed_frame_of_reference",
    "several_orientations",
    "several_stacks",
    "mixed_reconstruction",
    "duplicate_positions",
    "too_few_slices",
    "too_large",
    "no_knee",
)
"""Every refusal that a report can explain."""

_WORDS = {"all": EXPLAINABLE, "none": ()}


def in_full(value: object) -> object:
    """The codes that "all" and "none" stand for; anything else as it is."""
    return _WORDS.get(value, value) if isinstance(value, str) else value


def known(chosen: Sequence[str]) -> tuple[str, ...]:
    """The codes as they were chosen; raises ValueError for one that there is not, with the nearest."""
    for code in chosen:
        if code not in EXPLAINABLE:
            near = get_close_matches(code, EXPLAINABLE, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else 'see deploy/node.example.toml, or say "all"'
            raise ValueError(f"no refusal `{code}` can be explained; {hint}")
    return tuple(chosen)
