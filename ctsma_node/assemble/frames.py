"""One instance's header to the place and meaning of each of its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from ctsma_node.assemble.attributes import items, number, numbers, text, texts, whole
from ctsma_node.assemble.series import FrameGeometry

_MULTI_FRAME = frozenset({EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage})
_MOST_FRAMES = 20_000


class _Macros(NamedTuple):
    """Where the attributes of one frame stand: the dataset itself, or items of its functional groups."""

    position: Dataset
    orientation: Dataset
    measures: Dataset
    rescale: Dataset
    image_type: tuple[str, ...]


def frames_of(ds: Dataset, path: Path) -> tuple[FrameGeometry, ...]:
    """The frames of an instance in the order stored.

    A classic instance that claims several frames has no place for any of them: PS3.3 A.3 knows one frame.
    """
    count = min(max(whole(ds, "NumberOfFrames") or 1, 1), _MOST_FRAMES)
    if text(ds, "SOPClassUID") in _MULTI_FRAME or "PerFrameFunctionalGroupsSequence" in ds:
        grouped = _grouped(ds, path, count)
        return (_classic(ds, path),) if _are_leftovers(ds, grouped) else grouped
    if count == 1:
        return (_classic(ds, path),)
    kind = _image_type(ds, "ImageType")
    nowhere = _Macros(Dataset(), Dataset(), ds, ds, kind)
    return tuple(_alike(_frame(ds, path, 0, nowhere), count))


def _classic(ds: Dataset, path: Path) -> FrameGeometry:
    """The only frame of an instance that says everything at its top level."""
    return _frame(ds, path, None, _Macros(ds, ds, ds, ds, _image_type(ds, "ImageType")))


def _grouped(ds: Dataset, path: Path, count: int) -> tuple[FrameGeometry, ...]:
    """Frames by their functional groups; those beyond the groups have no place."""
    own = items(ds, "PerFrameFunctionalGroupsSequence")[:count]
    described = [_frame(ds, path, index, macros) for index, macros in enumerate(_groups(ds, own))]
    (bare,) = _groups(ds, (Dataset(),))
    return (*described, *_alike(_frame(ds, path, len(own), bare), count - len(own)))


def _are_leftovers(ds: Dataset, grouped: Sequence[FrameGeometry]) -> bool:
    """Whether the groups of a classic CT slice were left by a conversion and do not say where it lies."""
    return text(ds, "SOPClassUID") == CTImageStorage and len(grouped) == 1 and not grouped[0].has_place


def _alike(frame: FrameGeometry, count: int) -> Iterator[FrameGeometry]:
    """So many frames from this one on: a small file can claim thousands that nothing describes."""
    return (replace(frame, index=frame.index + number) for number in range(count))


def _groups(ds: Dataset, own: Sequence[Dataset]) -> Iterator[_Macros]:
    """Each frame's functional groups, its own one before the shared one (PS3.3 C.7.6.16)."""
    shared = next(iter(items(ds, "SharedFunctionalGroupsSequence")), Dataset())
    for each in own:
        groups = (each, shared)
        kind = _macro(groups, "CTImageFrameTypeSequence", Dataset())
        yield _Macros(
            position=_macro(groups, "PlanePositionSequence", Dataset()),
            orientation=_macro(groups, "PlaneOrientationSequence", Dataset()),
            measures=_macro(groups, "PixelMeasuresSequence", Dataset()),
            rescale=_macro(groups, "PixelValueTransformationSequence", ds),
            image_type=_image_type(kind, "FrameType") or _image_type(ds, "ImageType"),
        )


def _macro(groups: tuple[Dataset, ...], keyword: str, otherwise: Dataset) -> Dataset:
    return next((item for group in groups for item in items(group, keyword)), otherwise)


def _frame(ds: Dataset, path: Path, index: int | None, macros: _Macros) -> FrameGeometry:
    return FrameGeometry(
        path=path,
        sop_class_uid=text(ds, "SOPClassUID"),
        sop_instance_uid=text(ds, "SOPInstanceUID"),
        index=index or 0,
        multi_frame=index is not None,
        rows=whole(ds, "Rows"),
        columns=whole(ds, "Columns"),
        position=numbers(macros.position, "ImagePositionPatient", 3),
        orientation=numbers(macros.orientation, "ImageOrientationPatient", 6),
        pixel_spacing=numbers(macros.measures, "PixelSpacing", 2),
        slice_thickness=number(macros.measures, "SliceThickness"),
        rescale_slope=number(macros.rescale, "RescaleSlope"),
        rescale_intercept=number(macros.rescale, "RescaleIntercept"),
        rescale_type=text(macros.rescale, "RescaleType").upper(),
        image_type=macros.image_type,
        conversion_type=text(ds, "ConversionType").upper(),
    )


def _image_type(ds: Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(value.upper() for value in texts(ds, keyword))
