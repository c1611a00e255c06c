"""The steps of a case: values in, values out, or an exception; what becomes of it is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydicom import Dataset

from ctsma_node import __version__
from ctsma_node.analysis.result import AnalysisResult, Scan, Side
from ctsma_node.assemble import Series, drop_copies, read_with_copies, to_volume
from ctsma_node.assemble.side import named_sides
from ctsma_node.config.settings import Settings
from ctsma_node.errors import InvalidResult, Refused, Transient
from ctsma_node.gate import GateSettings, accept_geometry, accept_kind, accept_volume
from ctsma_node.records import Instance, ResultObject
from ctsma_node.report import (
    ALL_OBJECTS,
    DEFAULT_OBJECTS,
    NodeIdentity,
    ObjectReference,
    ReportObject,
    build_note,
    build_set,
)
from ctsma_node.validation import Finding, check_set
from ctsma_node.volume import CTVolume

Progress = Callable[[str, float], None]


class Analyses(Protocol):
    """What the worker needs of an analyser."""

    @property
    def digest(self) -> str:
        """sha256 of the bundle's manifest."""

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why it does not run on the device that it should: sentences by their codes."""

    def analyse(
        self, volume: CTVolume, progress: Progress | None = None, stated_side: Side | None = None
    ) -> AnalysisResult:
        """Measure every knee of a volume; raises Refused."""

    @property
    def together(self) -> int:
        """How many volumes it is worth while to hand over at once."""

    def analyse_together(
        self, scans: Sequence[Scan], progress: Progress | None = None
    ) -> list[AnalysisResult | Refused]:
        """Measure every knee of several volumes; what a volume gives does not depend on the others."""


@dataclass(frozen=True)
class Accepted:
    """A series that passed the gate, and its volume."""

    series: Series
    volume: CTVolume


def spooled_paths(spool: Path, instances: Sequence[Instance]) -> list[Path]:
    """Where the instances lie; raises Transient when one is gone, for the source may send it again."""
    paths = [spool / instance.path for instance in instances]
    gone = sum(not path.exists() for path in paths)
    if gone:
        raise Transient(f"{gone} of {len(paths)} instances are missing from the spool.")
    return paths


def accept(
    paths: Sequence[Path],
    limits: GateSettings,
    before: Callable[[Series], None] = lambda series: None,
    between: Callable[[Series], None] = lambda series: None,
) -> Accepted:
    """Assemble a series and pass it through the gate; raises Refused.

    `before` sees the series ahead of the gate, `between` when its headers have passed and nothing is decoded
    but what shares a place.
    """
    found = read_with_copies(paths)
    before(found)
    accept_kind(found, limits)
    series = drop_copies(found)
    accept_geometry(series, limits)
    between(series)
    volume = to_volume(series)
    accept_volume(volume, series, limits)
    return Accepted(series, volume)


def analyse(analyser: Analyses, accepted: Accepted, progress: Progress | None = None) -> AnalysisResult:
    """Measure the knees; raises Refused."""
    scan = _scan(accepted)
    return analyser.analyse(scan.volume, progress, scan.stated_side)


def analyse_together(
    analyser: Analyses, accepted: Sequence[Accepted], progress: Progress | None = None
) -> list[AnalysisResult | Refused]:
    """Measure the knees of several series; a refusal stands in the place of its series."""
    return analyser.analyse_together([_scan(each) for each in accepted], progress)


def _scan(accepted: Accepted) -> Scan:
    return Scan(accepted.volume, stated_side(accepted.series.headers))


def report(
    result: AnalysisResult,
    series: Series,
    settings: Settings,
    revision: int = 1,
    predecessor: Sequence[ObjectReference] = (),
) -> tuple[ReportObject, ...]:
    """The set of objects that says what was measured, and which knee of the field of view was not."""
    return build_set(
        result,
        series.headers,
        node=identity(settings),
        revision=revision,
        predecessor=predecessor,
        objects=wanted_objects(settings),
        tied=tied_objects(settings),
        explained=settings.report.explain_refusals,
        language=settings.report.language,
    )


def note(
    refusal: Refused,
    series: Series,
    settings: Settings,
    bundle_digest: str,
    revision: int = 1,
    predecessor: Sequence[ObjectReference] = (),
) -> ReportObject:
    """The report that a series was not analysed, and why."""
    return build_note(
        refusal.code,
        refusal.reason,
        series.headers,
        node=identity(settings),
        bundle_digest=bundle_digest,
        revision=revision,
        predecessor=predecessor,
        language=settings.report.language,
    )


def validate(
    written: Sequence[Path],
    result: AnalysisResult | None,
    series: Series,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> None:
    """Check the written set, in the order of sending; raises InvalidResult with its first finding."""
    findings = check_set(written, result, series.headers)
    for finding in findings:
        on_finding(finding)
    if findings:
        more = f" ({len(findings) - 1} more findings in the log.)" if len(findings) > 1 else ""
        raise InvalidResult(f"A result is not valid, so none is sent: {findings[0]}.{more}")


def wanted_objects(settings: Settings) -> frozenset[str]:
    """The kinds of object that some destination takes; every kind where there is no destination."""
    kinds = {kind for destination in settings.destinations for kind in destination.objects}
    return frozenset(kinds) or DEFAULT_OBJECTS


def tied_objects(settings: Settings) -> frozenset[str]:
    """The kinds that a key object selection may name: those that each destination takes which takes it."""
    takers = [frozenset[str](each.objects) for each in settings.destinations if "key_objects" in each.objects]
    return frozenset.intersection(*takers) if takers else ALL_OBJECTS


def identity(settings: Settings) -> NodeIdentity:
    """How the node signs what it makes; a device without a serial number is named by its AE title."""
    return NodeIdentity(
        manufacturer="ctsma-node",
        model_name="CT-SMA node",
        software_version=__version__,
        serial_number=settings.report.device_serial_number or settings.node.ae_title,
        institution_name=settings.report.institution_name or None,
    )


def references(study_uid: str, results: Iterable[ResultObject]) -> tuple[ObjectReference, ...]:
    """A set as the one that replaces it names it."""
    return tuple(
        ObjectReference(
            each.kind,
            Side(each.side) if each.side is not None else None,
            study_uid,
            each.series_uid,
            each.sop_class_uid,
            each.sop_instance_uid,
        )
        for each in results
    )


def stated_side(headers: Sequence[Dataset]) -> Side | None:
    """The side that the headers name for the image or its frames, where all that name any agree on one."""
    named = {side for ds in headers for side in named_sides(ds)}
    return Side(named.pop()) if len(named) == 1 and named <= set(Side) else None
