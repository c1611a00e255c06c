"""The document around the measurement groups of a TID 1500 report (PS3.3 A.35.13, PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.dataset import Dataset

from ctsma_node.report import references
from ctsma_node.report.basis import Basis
from ctsma_node.report.groups import Group
from ctsma_node.report.items import coded
from ctsma_node.report.modules import add_coding_scheme, identification, signed


def measurement_report(
    basis: Basis, series: str, groups: Sequence[Group], further_evidence: Sequence[Dataset] = ()
) -> Dataset:
    """A Comprehensive 3D SR of these measurement groups; unverified, since no person has read it.

    Its evidence is the analysed volume, the series that was analysed, and the headers of `further_evidence`.
    """
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_device(basis)),
        procedure_reported=basis.concept("ct"),  # the imaging procedure (IHE AI Results)
        imaging_measurements=groups,
        title=basis.concept("imaging_measurement_report"),
        language_of_content_item_and_descendants=sr.LanguageOfContentItemAndDescendants(
            coded(basis.templates.texts.language)
        ),
    )
    made = sr.Comprehensive3DSR(
        evidence=[*references.volume(basis), *further_evidence, *references.source(basis)],
        content=content,
        is_complete=True,
        previous_versions=[references.earlier(p) for p in basis.predecessors if p.kind == series] or None,
        **identification(basis, series),
    )
    ds = signed(made, basis, series)
    del ds.SeriesDate, ds.SeriesTime
    add_coding_scheme(ds, basis)
    return ds


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
