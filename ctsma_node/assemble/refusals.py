"""Why instances could not be made into a volume: stable codes and their sentences.

A sentence says what is wrong, where, and what the PACS administrator can do. Its figures are counts and
measures; no value of an identifying attribute and no free text of a header may enter one.
"""

from __future__ import annotations

from ctsma_node.errors import Refused

REASONS: dict[str, str] = {
    "unreadable": (
        "{count} of {total} instances cannot be read as DICOM (damaged, cut short, or without SOP Class, "
        "SOP Instance or Series Instance UID): send the series again from the archive."
    ),
    "unsupported_transfer_syntax": (
        "The transfer syntax of {count} instances cannot be decoded here: "
        "let the PACS send explicit VR little endian."
    ),
    "missing_pixels": (
        "{count} instances hold no Pixel Data (7FE0,0010): "
        "send the series again from the archive, not headers alone."
    ),
    "truncated_pixels": (
        "Pixel Data (7FE0,0010) is shorter than Rows x Columns x frames demand in {count} instances: "
        "send the series again from the archive."
    ),
    "undecodable_pixels": (
        "Pixel Data (7FE0,0010) of {count} instances cannot be decoded: "
        "send the series again, uncompressed if possible."
    ),
    "no_geometry": (
        "{count} of {total} slices lack a usable Image Position (0020,0032), Image Orientation (0020,0037) "
        "or Pixel Spacing (0028,0030); Imager Pixel Spacing is no substitute: send the scanner's own images."
    ),
    "no_calibrated_hu": (
        "The pixel values are not calibrated Hounsfield units ({why}): send the scanner's own images, with "
        "Rescale Slope (0028,1053), Rescale Intercept (0028,1052) and Rescale Type HU."
    ),
    "mixed_matrix": (
        "Rows, Columns or Pixel Spacing differ within the series ({count} of {total} slices differ from the "
        "first): send one reconstruction per series."
    ),
}


def refused(code: str, **figures: object) -> Refused:
    """The refusal of one code, its sentence completed with counts and measures."""
    return Refused(code, REASONS[code].format(**figures))
