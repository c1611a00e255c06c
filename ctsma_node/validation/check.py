"""All checks, of one instance, of several together, and of a set against the result that it carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.validation.conditions import PARAMETRIC_MAP, check_conditions
from ctsma_node.validation.content_items import check_content
from ctsma_node.validation.dimensions import check_dimensions
from ctsma_node.validation.elements import Reader
from ctsma_node.validation.encoding import check_encoding
from ctsma_node.validation.finding import Finding, abridged
from ctsma_node.validation.functional_groups import check_functional_groups
from ctsma_node.validation.geometry import (
    Planes,
    check_on_planes,
    check_space,
    check_volume,
    planes_by_series,
)
from ctsma_node.validation.inherited import is_inherited
from ctsma_node.validation.instance import Instance, read_instance
from ctsma_node.validation.patients import check_one_patient_and_study, check_patient_and_study_of
from ctsma_node.validation.pixels import check_pixels
from ctsma_node.validation.promises import check_promises
from ctsma_node.validation.references import Known, check_references, known_of
from ctsma_node.validation.required import check_required
from ctsma_node.validation.segments import LABEL_MAP, SEGMENTATION, check_segments, segment_numbers
from ctsma_node.validation.series import check_numbers, check_series, check_unique
from ctsma_node.validation.sides import volumes_of
from ctsma_node.validation.source import Source, source_of
from ctsma_node.validation.values import check_values
from ctsma_node.validation.walk import Fault

_ON_PLANES = (SEGMENTATION, LABEL_MAP, PARAMETRIC_MAP)


@dataclass(frozen=True)
class Checked:
    """SOP Class UID of each file by its path ("" where it is no instance), and every finding."""

    classes: Mapping[str, str]
    findings: tuple[Finding, ...]


def check_files(paths: Iterable[Path], headers: Sequence[Dataset] = ()) -> Checked:
    """Files of any make: each for itself, and together as far as they refer to one another.

    With the `headers` of the series they were made from, references and patient are checked against it.
    Findings name files by their paths. Raises OSError where a file cannot be read.
    """
    source = source_of(headers) if headers else None
    each = _Each(source)
    instances: list[Instance] = []
    findings: list[Finding] = []
    classes: dict[str, str] = {}
    for path in paths:
        found = read_instance(path, str(path), each.reader)
        classes[str(path)] = found.sop_class_uid if isinstance(found, Instance) else ""
        if isinstance(found, Instance):
            findings += each.check(found)
            found.forget_pixels()
            instances.append(found)
        else:
            findings.append(found)
    findings += _together(instances, source, in_order=False)
    return Checked(classes, tuple(abridged(findings)))


def check_set(
    paths: Iterable[Path], result: AnalysisResult | None, headers: Sequence[Dataset]
) -> tuple[Finding, ...]:
    """The written set of a result, in the order of sending; no finding is what lets it be sent.

    Args:
        paths: the Part 10 files; what is referred to stands before what refers to it.
        result: what was measured; None where nothing was.
        headers: of the analysed series, without pixels.

    Raises:
        OSError: a file cannot be read.
    """
    source = source_of(headers)
    each = _Each(source)
    schemes: dict[int, frozenset[str]] = {}
    read = [read_instance(path, path.name, each.reader) for path in paths]
    instances = [found for found in read if isinstance(found, Instance)]
    findings = [found for found in read if isinstance(found, Finding)]
    for instance in instances:
        findings += each.check(instance)
        findings += check_promises(instance, schemes, source)
    findings += _together(instances, source, in_order=True)
    if result is not None and instances:
        findings += check_values(instances, planes_by_series(instances), result)
    return tuple(abridged(findings))


class _Each:
    """What can be said of an instance by itself; what instances have in common is looked at once."""

    def __init__(self, source: Source | None) -> None:
        self.reader = Reader()
        self._source = source
        self._encoding: dict[int, tuple[Fault, ...]] = {}
        self._required: dict[int, tuple[Fault, ...]] = {}
        self._complete: set[tuple[int, int]] = set()

    def check(self, instance: Instance) -> Iterator[Finding]:
        """Encoding, attributes, content, pixels; what is the source's own is let be."""
        for finding in self._found(instance):
            if self._source is None or not is_inherited(finding, instance, self._source):
                yield finding

    def _found(self, instance: Instance) -> Iterator[Finding]:
        yield from check_encoding(instance, self._encoding)
        yield from check_required(instance, self._required, self._complete)
        yield from check_conditions(instance)
        yield from check_functional_groups(instance, self._complete)
        yield from check_content(instance)
        yield from check_pixels(instance)
        yield from check_dimensions(instance)
        yield from check_segments(instance)


def _together(instances: Sequence[Instance], source: Source | None, *, in_order: bool) -> Iterator[Finding]:
    """What can be said of instances beside one another, and of all beside their source."""
    yield from check_unique(instances)
    yield from check_series(instances)
    if in_order:
        yield from check_numbers(instances)
    yield from check_one_patient_and_study(instances)
    if source is not None:
        yield from check_patient_and_study_of(instances, source)
        yield from check_space(instances, source.frame_of_reference_uid)
    yield from _references(instances, source, in_order)
    yield from _geometry(instances, planes_by_series(instances))


def _references(instances: Sequence[Instance], source: Source | None, in_order: bool) -> Iterator[Finding]:
    segments = {
        each.sop_instance_uid: frozenset(segment_numbers(each))
        for each in instances
        if each.sop_class_uid in (SEGMENTATION, LABEL_MAP)
    }
    known: dict[str, Known] = dict(source.instances) if source is not None else {}
    resolved: set[int] = set()
    if not in_order:
        known |= known_of(instances)
    for instance in instances:
        yield from check_references(instance, known, segments, resolved, whole=source is not None)
        if in_order:
            known |= known_of([instance])


def _geometry(instances: Sequence[Instance], planes: Mapping[str, Planes]) -> Iterator[Finding]:
    for uid, lying in planes.items():
        members = [each for each in instances if each.ds.text("SeriesInstanceUID") == uid]
        yield from check_volume(members, lying)
    for instance in instances:
        if instance.sop_class_uid in _ON_PLANES:
            for uid in volumes_of(instance, planes):
                yield from check_on_planes(instance, planes[uid])
