"""The document around the measurement groups of a TID 1500 report (PS3.3 A.35.13, PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from ctsma_node.report import references, sr_document
from ctsma_node.report.basis import Basis
from ctsma_node.report.groups import Group
from ctsma_node.report.items import coded, mark_explicit
from ctsma_node.report.references import Reference


def measurement_report(
    basis: Basis, series: str, groups: Sequence[Group], further_evidence: Sequence[Reference] = ()
) -> Dataset:
    """A Comprehensive 3D SR of these measurement groups.

    Its evidence is the analysed volume, the series that was analysed, and `further_evidence`.
    """
    (root,) = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_device(basis)),
        procedure_reported=basis.concept("ct"),  # the imaging procedure (IHE AI Results)
        imaging_measurements=groups,
        title=basis.concept("imaging_measurement_report"),
        language_of_content_item_and_descendants=sr.LanguageOfContentItemAndDescendants(
            coded(basis.templates.texts.language)
        ),
    )
    mark_explicit(root)
    evidence = [*references.volume(basis), *further_evidence, *references.source(basis)]
    return sr_document.report(basis, series, Comprehensive3DSRStorage, root, evidence)


def _device(basis: Basis) -> sr.ObserverContext:
    """Observer (TID 1002, 1004)."""
    node = basis.node
    return sr.ObserverContext(
        basis.concept("device"),
        sr.DeviceObserverIdentifyingAttributes(
            uid=basis.device_uid,
            name=basis.device_name,
            manufacturer_name=node.manufacturer,
            model_name=node.model_name,
            serial_number=node.serial_number,
        ),
    )
