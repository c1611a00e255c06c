"""Whether a series' pixels are measured values, all there: by headers and lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ctsma_node.assemble.syntax import DECODABLE
from trainer.cohort.codes import refused
from trainer.cohort.instance import Header, Instance
from trainer.cohort.settings import CohortSettings


def measured_pixels(instances: Sequence[Instance], settings: CohortSettings) -> None:
    """Grey, deep, decodable, not lossy, nothing burned in, all there."""
    headers = [each.header for each in instances]
    if any(header.burned_in for header in headers):
        raise refused("burned_in_annotation")
    if not all(header.grey for header in headers):
        raise refused("colour_pixels")
    _none("unsupported_transfer_syntax", headers, lambda h: h.transfer_syntax not in DECODABLE)
    if not settings.allow_lossy:
        _none("lossy_compressed", headers, lambda h: h.lossy)
    for code in ("missing_pixels", "truncated_pixels"):
        if count := sum(each.pixels == code for each in instances):
            raise refused(code, count=count)


def calibrated(instances: Sequence[Instance]) -> None:
    """A CT's stored values become Hounsfield units (PS3.3 C.8.2.1)."""
    for frame in (frame for each in instances for frame in each.frames):
        if frame.rescale_intercept is None or not frame.rescale_slope:
            raise refused("no_calibrated_hu")
        if frame.rescale_type not in ("", "HU"):
            raise refused("no_calibrated_hu")


def _none(code: str, headers: Sequence[Header], wrong: Callable[[Header], bool]) -> None:
    if count := sum(map(wrong, headers)):
        raise refused(code, count=count)
