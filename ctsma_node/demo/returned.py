"""What came back: numbers and picture, read from the objects that the PACS holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, Comprehensive3DSRStorage, SecondaryCaptureImageStorage, SegmentationStorage

from ctsma_node.analysis.result import Bone, CartilageRegion, Compartment, OAClass, Parameter, Side
from ctsma_node.demo.segments import F64, segment_centres

_PARAMETERS = {"BVTV": Parameter.BVTV, "TBTH": Parameter.TBTH, "TBSP": Parameter.TBSP, "TBN": Parameter.TBN}
_CLASSES = {"KL-NORMAL": OAClass.NORMAL, "KL-MILD": OAClass.MILD, "KL-ADV": OAClass.ADVANCED}
_CARTILAGE = {
    "MOAKS-MF": CartilageRegion.MEDIAL_FEMUR,
    "MOAKS-LF": CartilageRegion.LATERAL_FEMUR,
    "MOAKS-MT": CartilageRegion.MEDIAL_TIBIA,
    "MOAKS-LT": CartilageRegion.LATERAL_TIBIA,
    "MOAKS-TR": CartilageRegion.TROCHLEA,
}
_CONTRIBUTIONS = {
    "OALO-MF": Compartment.MEDIAL_FEMUR,
    "OALO-LF": Compartment.LATERAL_FEMUR,
    "OALO-MT": Compartment.MEDIAL_TIBIA,
    "OALO-LT": Compartment.LATERAL_TIBIA,
}
_INITIALS = {Bone.FEMUR: "F", Bone.TIBIA: "T"}
_TRACKING_IDENTIFIER = "112039"  # DCM; PS3.16 TID 4108


@dataclass(frozen=True, eq=False)
class SubregionReturned:
    """The numbers of one subregion's measurement group, and where its segment lies."""

    centre: F64  # (3,) LPS mm
    values: dict[Parameter, float]


@dataclass(frozen=True)
class KneeReturned:
    """The numbers of one report (TID 1500), and where its Segmentation puts them."""

    side: Side
    oa_class: OAClass
    oa_probability: float
    cartilage: dict[CartilageRegion, float]
    contributions: dict[Compartment, float]  # log-odds of osteoarthritis
    subregions: dict[Bone, list[SubregionReturned]]


def objects_by_class(paths: Iterable[Path]) -> Counter[str]:
    """How many objects came back, by the name of their SOP class."""
    return Counter(_class_of(path).name.removesuffix(" Storage") for path in paths)


def reports_in(paths: Sequence[Path]) -> list[KneeReturned]:
    """The full report of each knee: of the reports about a knee, the one with most measurement groups."""
    fullest: dict[Side, dict[str, Dataset]] = {}
    for path in paths:
        if _class_of(path) != Comprehensive3DSRStorage:
            continue
        groups = _groups(dcmread(path))
        side = next((Side(name[0]) for name in groups if name.endswith(" knee")), None)
        if side is not None and len(groups) > len(fullest.get(side, {})):
            fullest[side] = groups
    centres: dict[str, F64] = {}
    for path in paths:
        if _class_of(path) == SegmentationStorage:
            centres |= segment_centres(dcmread(path))
    return [_knee(side, groups, centres) for side, groups in sorted(fullest.items(), reverse=True)]


def save_picture(paths: Sequence[Path], target: Path) -> Path | None:
    """The pictures (Secondary Capture, RGB) as one PNG, one below the other; None where none came back."""
    captures = [path for path in paths if _class_of(path) == SecondaryCaptureImageStorage]
    pages = [Image.fromarray(dcmread(path).pixel_array) for path in captures]
    if not pages:
        return None
    whole = Image.new("RGB", (max(page.width for page in pages), sum(page.height for page in pages)))
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    whole.save(target)
    return target


def _class_of(path: Path) -> UID:
    return UID(read_file_meta_info(path).MediaStorageSOPClassUID)


def _groups(report: Dataset) -> dict[str, Dataset]:
    """Measurement groups by Tracking Identifier, such as "R femur"."""
    named = {}
    for container in _items(report):
        for group in _items(container):
            for item in _items(group):
                if _code(item) == _TRACKING_IDENTIFIER:
                    named[str(item.TextValue)] = group
    return named


def _knee(side: Side, groups: dict[str, Dataset], centres: dict[str, F64]) -> KneeReturned:
    values = {_code(item): item for item in _items(groups[f"{side} knee"])}
    return KneeReturned(
        side=side,
        oa_class=_CLASSES[values["KLCLASS"].ConceptCodeSequence[0].CodeValue],
        oa_probability=_number(values["OAPROB"]),
        cartilage={region: _number(values[code]) for code, region in _CARTILAGE.items()},
        contributions={half: _number(values[code]) for code, half in _CONTRIBUTIONS.items()},
        subregions={
            bone: [
                SubregionReturned(centres[name], _parameters(group))
                for name, group in groups.items()
                if re.fullmatch(rf"{side} {initial}\d+", name)
            ]
            for bone, initial in _INITIALS.items()
        },
    )


def _parameters(subregion: Dataset) -> dict[Parameter, float]:
    return {
        _PARAMETERS[_code(item)]: _number(item) for item in _items(subregion) if _code(item) in _PARAMETERS
    }


def _items(item: Dataset) -> Iterator[Dataset]:
    yield from item.get("ContentSequence", [])


def _code(item: Dataset) -> str:
    concept = item.get("ConceptNameCodeSequence")
    return str(concept[0].CodeValue) if concept else ""


def _number(item: Dataset) -> float:
    return float(item.MeasuredValueSequence[0].NumericValue)
