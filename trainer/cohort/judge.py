"""One series to a candidate, or to the finding why it is left out: the checks in the order of plainness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from ctsma_node.assemble import FrameGeometry, Series
from ctsma_node.errors import Refused
from trainer.cohort import geometry, kind, pixel_checks, sequence
from trainer.cohort.candidate import Candidate
from trainer.cohort.codes import refused
from trainer.cohort.findings import Finding, found, from_refusal
from trainer.cohort.grouping import Group
from trainer.cohort.instance import Header, Instance
from trainer.cohort.settings import CohortSettings
from trainer.cohort.side import own_side
from trainer.cohort.stacking import stack


@dataclass(frozen=True)
class Judged:
    """A candidate with remarks on it, or (None) the finding why there is none."""

    candidate: Candidate | None
    findings: tuple[Finding, ...]


def judge(root: Path, group: Group, settings: CohortSettings) -> Judged:
    """Judge one series by its headers; pixels are opened only where two slices hold one place."""
    group, captures = _without_captures(group)
    header = group.instances[0].header
    patient, uid = header.person.key, header.series_uid
    try:
        modality, remarks = _accept_kind(group, settings)
        series, aside = _accept_geometry(root, group, modality, settings)
        side = _one_side(group.instances)
    except Refused as refusal:
        return Judged(None, (from_refusal(refusal, group.path, patient, uid),))
    aside += captures
    codes = [*remarks, *(["slices_set_aside"] if aside else [])]
    findings = tuple(
        found(code, group.path, left_out=False, patient=patient, series_uid=uid, count=aside)
        for code in codes
    )
    return Judged(_candidate(root, group, modality, series, side, remarks), findings)


def _without_captures(group: Group) -> tuple[Group, int]:
    """The series without screenshots that a workstation put into it, and how many those were."""
    kept = tuple(each for each in group.instances if not kind.is_capture(each.header))
    if not kept:
        return group, 0
    return replace(group, instances=kept), len(group.instances) - len(kept)


def _one_side(instances: Sequence[Instance]) -> str:
    """The side that all instances have. Raises Refused `contradicting_side`."""
    sides = {own_side(header) for header in dict.fromkeys(each.header for each in instances)}
    if len(sides) > 1:
        raise refused("contradicting_side")
    return sides.pop()


def _accept_kind(group: Group, settings: CohortSettings) -> tuple[str, list[str]]:
    """CT or MR, and the codes of what is worth a remark; raises Refused."""
    instances = group.instances
    headers = list(dict.fromkeys(each.header for each in instances))
    kind.one_series(headers)
    kind.known_modality(headers)
    if not headers[0].person.key.patient_id:
        raise refused("no_patient_id")
    kind.localizer(instances)
    kind.original(instances, settings)
    remarks = ["undeclared_character_set"] if any(h.person.undeclared_characters for h in headers) else []
    remarks += [] if kind.knee(headers[0]) else ["body_part_not_named"]
    modality = kind.modality_of(headers[0])
    if modality == "MR":
        remarks += [] if sequence.balanced(headers[0], settings) else ["sequence_by_values"]
        sequence.three_dimensional(headers[0], settings)
    pixel_checks.measured_pixels(instances, settings)
    if modality == "CT":
        pixel_checks.calibrated(instances)
    return modality, remarks


def _accept_geometry(root: Path, group: Group, modality: str, settings: CohortSettings) -> tuple[Series, int]:
    """The stack, and how many slices were set aside; raises Refused."""
    if group.clashing:
        raise refused("duplicate_instance", count=group.clashing)
    _one_frame_of_reference([each.header for each in group.instances])
    frames, aside = stack(root, group.instances)
    geometry.placed(frames)
    geometry.one_matrix(frames)
    geometry.one_orientation(frames)
    series = Series((), tuple(frames))
    geometry.one_slice_per_plane(series)
    geometry.enough_slices(series, settings.min_ct_slices if modality == "CT" else settings.min_mr_slices)
    geometry.whole_stack(series)
    geometry.straight_or_sheared(series, settings)
    geometry.fine(series, modality, settings)
    return series, aside


def _one_frame_of_reference(headers: Sequence[Header]) -> None:
    named = {header.frame_of_reference_uid for header in headers}
    if len(named) > 1:
        raise refused("mixed_frame_of_reference", count=len(named))


def _candidate(
    root: Path, group: Group, modality: str, series: Series, side: str, remarks: Sequence[str]
) -> Candidate:
    header, first = group.instances[0].header, series.frames[0]
    affine = series.affine
    assert first.columns is not None  # geometry.placed() would have refused
    assert first.rows is not None
    spacing = [float(round(sum(affine[:3, axis] ** 2) ** 0.5, 6)) for axis in range(3)]
    return Candidate(
        modality=modality,
        source="dicom",
        patient=header.person.key,
        side=side,
        side_source="header" if side else "",
        date=_day(header.date),
        files=_files(root, group.instances, series.frames),
        size=(first.columns, first.rows, len(series.frames)),
        spacing=(spacing[0], spacing[1], spacing[2]),
        affine=tuple(tuple(round(float(value), 6) for value in row) for row in affine),
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        series_number=header.series_number,
        sequence="" if modality == "CT" else "values" if "sequence_by_values" in remarks else "name",
        kernel=header.kernel,
    )


def _files(root: Path, instances: Sequence[Instance], frames: Sequence[FrameGeometry]) -> tuple[str, ...]:
    """Each file once, in the order of its first slice."""
    relative = {root / each.path: each.path for each in instances}
    return tuple(dict.fromkeys(relative[frame.path] for frame in frames))


def _day(value: str) -> date | None:
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return None
