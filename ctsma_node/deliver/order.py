"""The order in which a set is sent: what an instance refers to is at the peer before it.

The analysed volume first, then segmentations and maps on its grid, then the reports that point at those, then
the picture, last the selection of all. The SOP class alone decides, so a set of any make is ordered the same
way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydicom import uid

Item = TypeVar("Item")

_LABEL_MAP_SEGMENTATION = uid.UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Label Map Segmentation Storage (Supplement 243); pydicom 3.0 has no name for it."""

_CLASSES_IN_ORDER: tuple[tuple[uid.UID, ...], ...] = (
    (uid.CTImageStorage, uid.EnhancedCTImageStorage, uid.LegacyConvertedEnhancedCTImageStorage),
    (uid.SegmentationStorage, _LABEL_MAP_SEGMENTATION),
    (uid.ParametricMapStorage,),
    (uid.BasicTextSRStorage, uid.EnhancedSRStorage, uid.ComprehensiveSRStorage, uid.Comprehensive3DSRStorage),
    (uid.SecondaryCaptureImageStorage,),
    (uid.EncapsulatedPDFStorage,),
    (uid.KeyObjectSelectionDocumentStorage,),
)
_RANK = {str(sop_class): rank for rank, row in enumerate(_CLASSES_IN_ORDER) for sop_class in row}


def in_reference_order(instances: Iterable[Item], sop_class_uid: Callable[[Item], str]) -> list[Item]:
    """`instances` by rank of SOP class; the given order is kept inside a rank, unknown classes go last."""
    return sorted(instances, key=lambda item: _RANK.get(sop_class_uid(item), len(_CLASSES_IN_ORDER)))
