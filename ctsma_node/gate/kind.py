"""What kind of object the instances are: CT slices, or something else that travels as CT.

Body part, descriptions and protocol names are never asked: they lie, and anatomy is settled by the analysis.
"""

from __future__ import annotations

from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from ctsma_node.assemble.attributes import number, text, whole
from ctsma_node.assemble.image_type import CAPTURED, PROJECTED, PROJECTED_TERMS, RENDERED, says
from ctsma_node.assemble.kernels import kernels
from ctsma_node.assemble.series import FrameGeometry, Series
from ctsma_node.assemble.strays import SECONDARY_CAPTURE, is_localizer
from ctsma_node.assemble.syntax import DECODABLE, transfer_syntax
from ctsma_node.assemble.voltage import tube_voltages
from ctsma_node.gate.refusals import refused
from ctsma_node.gate.settings import GateSettings
from ctsma_node.uids import is_lossy, is_uid

_CT = frozenset({CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage})
_GREY = frozenset({"", "MONOCHROME1", "MONOCHROME2"})
_FEWEST_BITS = 10
_REFERRED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
# Words of Image Type from value 3 on, besides those of projections and renderings.
_COMBINED = frozenset({"ADDITION", "DIVISION", "MASKED", "MULTIPLICATION", "SUBTRACTION", "SUBTRACTED"})
_MATERIAL = frozenset(
    {"IODINE", "CALCIUM", "URIC", "WATER", "FAT", "MATERIAL", "MAT", "VNC", "VNCA", "ZEFF", "RHO"}
)
_ENERGY = frozenset({"MONO", "MONOE", "MONOENERGETIC", "VMI", "ELECTRON"})
_SPECTRAL = _MATERIAL | _ENERGY
_NOT_SLICES = PROJECTED | RENDERED | _COMBINED
# Terms of several words, none of which says it alone.
_SPECTRAL_TERMS = (frozenset({"EFF", "ATOMIC"}), frozenset({"Z", "EFFECTIVE"}))


def one_series(series: Series) -> None:
    """All instances in one series of one study and one patient."""
    for code, keyword in (
        ("several_series", "SeriesInstanceUID"),
        ("several_series", "StudyInstanceUID"),
        ("several_patients", "PatientID"),
    ):
        named = {value for ds in series.headers if (value := text(ds, keyword))}
        if len(named) > 1:
            raise refused(code, count=len(named))


def referable(series: Series) -> None:
    """Study, series, class and instance have UIDs: without them no result could say what it is about."""
    _none_is("missing_uid", series, lambda ds: not all(is_uid(text(ds, keyword)) for keyword in _REFERRED))


def one_reconstruction(series: Series) -> None:
    """One kernel and one tube voltage, where they are named: texture and HU change with either."""
    count = max(len(kernels(series.headers)), len(tube_voltages(series.headers)))
    if count > 1:
        raise refused("mixed_reconstruction", count=count)


def secondary_capture(series: Series) -> None:
    """No instance is a secondary capture, by SOP class or by how it was made."""
    _none_is("secondary_capture", series, _is_captured)


def ct(series: Series) -> None:
    """Modality, where it is given, and SOP class say CT."""
    _none_is("not_ct", series, lambda ds: not _is_ct(ds))


def person(series: Series) -> None:
    """The patient's axes are a person's: a quadruped's turn left and front elsewhere (PS3.3 C.7.6.1.1.1)."""
    _none_is(
        "quadruped", series, lambda ds: text(ds, "AnatomicalOrientationType").upper() not in ("", "BIPED")
    )


def ct_pixels(series: Series) -> None:
    """Pixels that can hold CT numbers: one grey sample, 10 bits or more (PS3.3 C.8.2.1 demands 12 to 16)."""
    _none_is("not_a_ct_image", series, lambda ds: not _is_grey_and_deep(ds))


def localizer(series: Series) -> None:
    """The stack is not one of localizers."""
    _no_slice_is("localizer", series, lambda frame: is_localizer(frame.image_type))


def annotation(series: Series) -> None:
    """No text is burned into the pixels."""
    _none_is("burned_in_annotation", series, lambda ds: text(ds, "BurnedInAnnotation").upper() == "YES")


def syntax(series: Series) -> None:
    """Every instance can be decoded."""
    _none_is("unsupported_transfer_syntax", series, lambda ds: transfer_syntax(ds) not in DECODABLE)


def lossy(series: Series, limits: GateSettings) -> None:
    """Nothing was lost in compression, by what the header says or by a transfer syntax that may lose."""
    if not limits.allow_lossy:
        _none_is("lossy_compressed", series, _is_lossy)


def derived(series: Series, limits: GateSettings) -> None:
    """The slices are the scanner's reconstruction and not made from other images (PS3.3 C.7.6.1.1.2)."""
    _no_slice_is("projection", series, lambda frame: says(frame.image_type, _NOT_SLICES, PROJECTED_TERMS))
    _no_slice_is("material_map", series, lambda frame: says(frame.image_type, _SPECTRAL, _SPECTRAL_TERMS))
    _none_is("material_map", series, lambda ds: bool(number(ds, "MonoenergeticEnergyEquivalent")))
    _no_slice_is("derived", series, lambda frame: _is_derived(frame, limits))


def _none_is(code: str, series: Series, wrong: Callable[[Dataset], bool]) -> None:
    count = sum(wrong(ds) for ds in series.headers)
    if count:
        raise refused(code, count=count, total=len(series.headers))


def _no_slice_is(code: str, series: Series, wrong: Callable[[FrameGeometry], bool]) -> None:
    count = sum(wrong(frame) for frame in series.frames)
    if count:
        raise refused(code, count=count, total=len(series.frames))


def _is_captured(ds: Dataset) -> bool:
    if text(ds, "SOPClassUID") in SECONDARY_CAPTURE:
        return True
    return text(ds, "ConversionType").upper() in CAPTURED


def _is_ct(ds: Dataset) -> bool:
    return text(ds, "SOPClassUID") in _CT and text(ds, "Modality").upper() in ("", "CT")


def _is_grey_and_deep(ds: Dataset) -> bool:
    grey = text(ds, "PhotometricInterpretation").upper() in _GREY and whole(ds, "SamplesPerPixel") in (
        None,
        1,
    )
    return grey and (whole(ds, "BitsStored") or 16) >= _FEWEST_BITS and whole(ds, "BitsAllocated") != 8


def _is_lossy(ds: Dataset) -> bool:
    return is_lossy(text(ds, "LossyImageCompression"), transfer_syntax(ds))


def _is_derived(frame: FrameGeometry, limits: GateSettings) -> bool:
    if frame.image_type[:1] != ("DERIVED",):
        return False
    return not (limits.allow_derived_primary and frame.image_type[1:2] == ("PRIMARY",))
