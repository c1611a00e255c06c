"""The document around the measurement groups of a TID 1500 report (PS3.3 A.35.13, PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, SegmentationStorage

from ctsma_node.report import content
from ctsma_node.report.basis import Basis
from ctsma_node.report.items import item, reference_item
from ctsma_node.report.modules import add_coding_scheme, begin


def measurement_report(
    basis: Basis, series: str, groups: Sequence[Dataset], *, with_segments: bool
) -> Dataset:
    """A Comprehensive 3D SR of these measurement groups; unverified, since no person has read it."""
    ds = begin(basis, series, Comprehensive3DSRStorage, "SR")
    del ds.SeriesDate, ds.SeriesTime
    add_coding_scheme(ds, basis)
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag, ds.VerificationFlag, ds.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    ds.CurrentRequestedProcedureEvidenceSequence = [_evidence(basis, with_segments=with_segments)]
    _add_predecessors(ds, basis, series)
    concepts = basis.templates.concepts
    root = content.container(
        concepts["imaging_measurement_report"],
        None,
        [*_context(basis), content.container(concepts["imaging_measurements"], "CONTAINS", groups)],
        template="1500",
    )
    for element in root:
        ds.add(element)
    return ds


def group(basis: Basis, name: str, template: str, children: Sequence[Dataset]) -> Dataset:
    """A Measurement Group with its tracking identifiers (TID 4108) and algorithm (TID 4019) in front."""
    concepts = basis.templates.concepts
    identifiers = [
        content.text(concepts["tracking_identifier"], basis.tracking_id(name), "HAS OBS CONTEXT"),
        content.uid_reference(concepts["tracking_uid"], basis.tracking_uid(name), "HAS OBS CONTEXT"),
        content.code(concepts["finding_category"], concepts["tissue"], "CONTAINS"),
        content.code(concepts["finding"], concepts["bone_tissue"], "CONTAINS"),
    ]
    algorithm = [
        content.text(concepts["algorithm_name"], basis.text("algorithm"), "HAS CONCEPT MOD"),
        content.text(concepts["algorithm_version"], basis.node.software_version, "HAS CONCEPT MOD"),
    ]
    return content.container(
        concepts["measurement_group"], "CONTAINS", [*identifiers, *algorithm, *children], template
    )


def _context(basis: Basis) -> list[Dataset]:
    """Language (TID 1204), observer (TID 1002, 1004), procedure: the imaging one (IHE AI Results)."""
    concepts, node = basis.templates.concepts, basis.node
    names = {
        "device_name": f"{basis.text('algorithm')}, bundle {basis.bundle}",
        "device_manufacturer": node.manufacturer,
        "device_model": node.model_name,
        "device_serial": node.serial_number,
    }
    return [
        content.code(concepts["language"], concepts["english"], "HAS CONCEPT MOD"),
        content.code(concepts["observer_type"], concepts["device"], "HAS OBS CONTEXT"),
        content.uid_reference(concepts["device_uid"], basis.device_uid, "HAS OBS CONTEXT"),
        *(content.text(concepts[name], value, "HAS OBS CONTEXT") for name, value in names.items()),
        content.code(concepts["procedure_reported"], concepts["ct"], "HAS CONCEPT MOD"),
    ]


def _evidence(basis: Basis, *, with_segments: bool) -> Dataset:
    """Every instance the content refers to and the source it stems from (PS3.3 table C.17-3)."""
    volume = [
        reference_item(CTImageStorage, basis.instance_uid("volume", frame + 1))
        for frame in range(basis.grid.frames)
    ]
    source = [
        reference_item(instance.sop_class_uid, instance.sop_instance_uid)
        for instance in basis.source.instances
    ]
    series = {basis.series_uid("volume"): volume, basis.source.series_uid: source}
    if with_segments:
        segments = reference_item(SegmentationStorage, basis.instance_uid("segmentation"))
        series[basis.series_uid("segmentation")] = [segments]
    return item(
        StudyInstanceUID=basis.source.study_uid,
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=uid, ReferencedSOPSequence=references)
            for uid, references in series.items()
        ],
    )


def _add_predecessors(ds: Dataset, basis: Basis, series: str) -> None:
    """Predecessor Documents: the same report of the revision that this one replaces."""
    documents = [
        item(
            StudyInstanceUID=earlier.study_uid,
            ReferencedSeriesSequence=[
                item(
                    SeriesInstanceUID=earlier.series_uid,
                    ReferencedSOPSequence=[reference_item(earlier.sop_class_uid, earlier.sop_instance_uid)],
                )
            ],
        )
        for earlier in basis.predecessors
        if earlier.kind == series
    ]
    if documents:
        ds.PredecessorDocumentsSequence = documents
