"""Gate: accept a series, or refuse it with a stable code and a sentence. Pure; one check per function."""

from __future__ import annotations

from ctsma_node.assemble.series import Series
from ctsma_node.gate import calibration, content, geometry, kind, patient
from ctsma_node.gate.part import of_another_part
from ctsma_node.gate.refusals import REASONS
from ctsma_node.gate.settings import GateSettings
from ctsma_node.volume import CTVolume

__all__ = [
    "REASONS",
    "GateSettings",
    "accept_geometry",
    "accept_headers",
    "accept_kind",
    "accept_volume",
    "of_another_part",
]


def accept_headers(series: Series, limits: GateSettings) -> None:
    """Judge a series before its pixels are decoded; raises Refused with the first reason found.

    What the object is comes first, then whose it is, then its geometry: the reason named is the plainest one.
    """
    accept_kind(series, limits)
    accept_geometry(series, limits)


def accept_kind(series: Series, limits: GateSettings) -> None:
    """Judge what a series is and whose; raises Refused.

    It may hold copies of slices still: those are told by their pixels, which are not to be looked at before.
    """
    kind.referable(series)
    kind.one_series(series)
    kind.secondary_capture(series)
    kind.ct(series)
    kind.person(series)
    kind.ct_pixels(series)
    kind.localizer(series)
    kind.annotation(series)
    kind.lossy(series, limits)
    kind.syntax(series)
    kind.derived(series, limits)
    geometry.placed(series)
    calibration.rescale(series)
    patient.adult(series, limits)
    geometry.places(series, limits)


def accept_volume(volume: CTVolume, series: Series, limits: GateSettings) -> None:
    """Judge the decoded volume of a series that passed `accept_headers`; raises Refused."""
    content.no_blank_slices(volume)
    calibration.fat_and_air(volume)
    content.no_metal(volume, limits)


def accept_geometry(series: Series, limits: GateSettings) -> None:
    """Judge the stack of a series that passed `accept_kind`, each slice held once; raises Refused."""
    geometry.frame_of_reference(series)
    geometry.matrix(series)
    geometry.orientation(series)
    geometry.one_slice_per_plane(series)
    kind.one_reconstruction(series)
    geometry.enough_slices(series, limits)
    geometry.whole_stack(series)
    geometry.even_spacing(series)
    geometry.straight_or_sheared(series, limits)
    geometry.thin_slices(series, limits)
    geometry.covering(series, limits)
    geometry.fine_pixels(series, limits)
    geometry.size(series, limits)
