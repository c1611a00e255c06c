"""Attributes that are required under a condition (types 1C and 2C), where the condition is one that counts.

Each function judges one item; `check_conditions` says in which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.tables import tables

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PAIRED = frozenset(("KNEE", "HIP", "SHOULDER", "ELBOW", "WRIST", "HAND", "ANKLE", "FOOT", "LEG", "ARM"))
_FRAMES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_WINDOW_CLAUSE = "PS3.3 C.11.2.1.2"

Fault = tuple[str, str, str]
"""Path, clause, sentence."""


def check_conditions(instance: Instance) -> Iterator[Finding]:
    """The conditions that an instance of a listed SOP class has to meet."""
    if not tables().of(instance.sop_class_uid).uid:
        return
    for check in _OF_THE_DATASET:
        for path, clause, sentence in check(instance.ds):
            yield instance.finding("missing_attribute", path, clause, sentence)
    for path, clause, sentence in (*_laterality(instance), *_orientation(instance)):
        yield instance.finding("missing_attribute", path, clause, sentence)


def _window(ds: Attributes) -> Iterator[Fault]:
    """A window has a centre and a width; one narrower than 1 is not for LINEAR (PS3.3 C.11.2.1.2)."""
    stated = [keyword for keyword in ("WindowCenter", "WindowWidth") if keyword in ds]
    if len(stated) == 1 or any(ds.is_empty(keyword) for keyword in stated):
        yield "WindowWidth", _WINDOW_CLAUSE, "Window Center and Window Width come together, with values."
    narrowest = min(ds.numbers("WindowWidth"), default=1.0)
    function = ds.text("VOILUTFunction") or "LINEAR"
    if narrowest <= 0 or (narrowest < 1 and function == "LINEAR"):
        sentence = "A Window Width below 1 needs the VOI LUT Function LINEAR_EXACT or SIGMOID."
        yield "VOILUTFunction", _WINDOW_CLAUSE, sentence


def _windows_of_frames(ds: Attributes) -> Iterator[Fault]:
    """The same in every Frame VOI LUT (PS3.3 C.7.6.16.2.10)."""
    for sequence in _FRAMES:
        for number, group in enumerate(ds.items(sequence), start=1):
            for item in group.items("FrameVOILUTSequence"):
                for path, clause, sentence in _window(item):
                    yield f"{sequence}[{number}].FrameVOILUTSequence[1].{path}", clause, sentence


def _colours(ds: Attributes) -> Iterator[Fault]:
    """Planar Configuration of samples, lookup tables of a palette (PS3.3 C.7.6.3)."""
    if ds.integer("SamplesPerPixel") > 1 and "PlanarConfiguration" not in ds:
        yield (
            "PlanarConfiguration",
            "PS3.3 C.7.6.3",
            "It is required where there are several samples a pixel.",
        )
    if ds.text("PhotometricInterpretation") == "PALETTE COLOR":
        for colour in ("Red", "Green", "Blue"):
            if ds.is_empty(f"{colour}PaletteColorLookupTableDescriptor"):
                path = f"{colour}PaletteColorLookupTableDescriptor"
                yield path, "PS3.3 C.7.9", "PALETTE COLOR requires its lookup tables."


def _lossy(ds: Attributes) -> Iterator[Fault]:
    """Ratio and method of a lossy compression (PS3.3 C.7.6.1.1.5)."""
    if ds.text("LossyImageCompression") == "01" and ds.is_empty("LossyImageCompressionRatio"):
        path = "LossyImageCompressionRatio"
        yield path, "PS3.3 C.7.6.1.1.5", "It is required where Lossy Image Compression is 01."


def _segments(ds: Attributes) -> Iterator[Fault]:
    """Algorithm and tracking of segments; what FRACTIONAL asks for (PS3.3 C.8.20.2, C.8.20.4)."""
    if ds.text("SegmentationType") == "FRACTIONAL":
        for path in ("SegmentationFractionalType", "MaximumFractionalValue"):
            if ds.is_empty(path):
                yield path, "PS3.3 C.8.20.2", "It is required in a FRACTIONAL segmentation."
    for number, segment in enumerate(ds.items("SegmentSequence"), start=1):
        here, clause = f"SegmentSequence[{number}]", "PS3.3 C.8.20.4"
        if segment.text("SegmentAlgorithmType") != "MANUAL" and segment.is_empty("SegmentAlgorithmName"):
            yield f"{here}.SegmentAlgorithmName", clause, "A segment not drawn by hand names its algorithm."
        if segment.is_empty("TrackingID") != segment.is_empty("TrackingUID"):
            yield f"{here}.TrackingUID", clause, "Tracking ID and Tracking UID come together."


def _space(ds: Attributes) -> Iterator[Fault]:
    """A frame of reference where frames have positions in the patient (PS3.3 C.7.6.16.2.3)."""
    positioned = any(
        group.items("PlanePositionSequence") for sequence in _FRAMES for group in ds.items(sequence)[:1]
    )
    if positioned and ds.is_empty("FrameOfReferenceUID"):
        yield "FrameOfReferenceUID", "PS3.3 C.7.4.1", "Frames have positions, so their space has to be named."
    if positioned and not ds.items("ReferencedSeriesSequence") and _derives_from_images(ds):
        sentence = "Frames refer to instances, which this sequence has to list."
        yield "ReferencedSeriesSequence", "PS3.3 C.12.2", sentence


def _derives_from_images(ds: Attributes) -> bool:
    return any(
        derivation.items("SourceImageSequence")
        for sequence in _FRAMES
        for group in ds.items(sequence)
        for derivation in group.items("DerivationImageSequence")
    )


def _verification(ds: Attributes) -> Iterator[Fault]:
    """Who verified a VERIFIED document (PS3.3 C.17.2)."""
    if ds.text("VerificationFlag") == "VERIFIED" and not ds.items("VerifyingObserverSequence"):
        yield "VerifyingObserverSequence", "PS3.3 C.17.2", "A VERIFIED document says who verified it."


_OF_THE_DATASET: tuple[Callable[[Attributes], Iterator[Fault]], ...] = (
    _window,
    _windows_of_frames,
    _colours,
    _lossy,
    _segments,
    _space,
    _verification,
)


def _laterality(instance: Instance) -> Iterator[Fault]:
    """The side of a part that the body has two of (PS3.3 C.7.3.1): type 2C.

    A Parametric Map has no attribute that names the part besides Frame Anatomy, so it is asked for always.
    """
    ds = instance.ds
    if instance.sop_class_uid != PARAMETRIC_MAP and ds.text("BodyPartExamined") not in _PAIRED:
        return
    groups = (group for sequence in _FRAMES for group in ds.items(sequence))
    if "Laterality" in ds or "ImageLaterality" in ds or "AnatomicRegionSequence" in ds:
        return
    if not any(group.items("FrameAnatomySequence") for group in groups):
        yield (
            "Laterality",
            "PS3.3 C.7.3.1",
            "The part is paired, and neither series nor frames say which side.",
        )


def _orientation(instance: Instance) -> Iterator[Fault]:
    """Patient Position of a CT (PS3.3 C.7.3.1), Patient Orientation without place (C.7.6.1): type 2C."""
    ds = instance.ds
    if instance.sop_class_uid == CT_IMAGE and "PatientPosition" not in ds:
        yield "PatientPosition", "PS3.3 C.7.3.1", "It has to be there, if empty, in a CT."
    placed = "ImageOrientationPatient" in ds or "PatientOrientation" in ds
    if instance.sop_class_uid == SECONDARY_CAPTURE and not placed:
        sentence = "It has to be there, if empty, in an image without place."
        yield "PatientOrientation", "PS3.3 C.7.6.1", sentence
