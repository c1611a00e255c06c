"""What every object of one knee is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeResult, Side
from ctsma_node.report.grid import Grid, grid_of
from ctsma_node.report.identity import NodeIdentity, ObjectReference, UidSpace, uid_from, uid_space
from ctsma_node.report.items import coded
from ctsma_node.report.source import Source, read_source
from ctsma_node.report.templates import Templates, load_templates


@dataclass(frozen=True)
class Basis:
    """One knee of a result with its source, its grid, its maker and its UIDs."""

    result: AnalysisResult
    knee: KneeResult
    source: Source
    grid: Grid
    node: NodeIdentity
    templates: Templates
    uids: UidSpace
    predecessors: tuple[ObjectReference, ...] = ()

    @property
    def side(self) -> Side:
        """The side of the knee."""
        return self.knee.side

    @property
    def bundle(self) -> str:
        """Name and version of the bundle, as one text."""
        return f"{self.result.bundle_name} {self.result.bundle_version}"

    @property
    def device_uid(self) -> str:
        """The UID of the device: another one for each bundle and each installation."""
        node = self.node
        return uid_from("device", node.model_name, node.serial_number, self.result.bundle_digest)

    def series_uid(self, series: str) -> str:
        """Series Instance UID of one of the series in the templates."""
        return self.uids.uid(f"series {series}")

    def series_number(self, series: str) -> int:
        """Series Number; a right knee's series follow those of a left one."""
        offset = self.templates.right_knee_offset if self.side is Side.RIGHT else 0
        return self.templates.series[series].number + offset

    def series_description(self, series: str) -> str:
        """Series Description; it begins with RESEARCH and names the analysed series."""
        text = self.templates.series[series].description
        return text.format(side=self.side.value, series=self.source.series_number)[:64]

    def instance_uid(self, series: str, number: int = 1) -> str:
        """SOP Instance UID of an instance of one of the series."""
        return self.uids.uid(f"instance {series} {number}")

    def tracking_uid(self, name: str) -> str:
        """Tracking UID (PS3.3 C.8.20.4) of the knee, a bone or a subregion."""
        return self.uids.uid(f"tracking {name}")

    def tracking_id(self, name: str) -> str:
        """Tracking ID, readable: the side and the name, such as "L F001"."""
        return f"{self.side.value} {name}"

    def concept(self, name: str) -> CodedConcept:
        """A concept of the templates; not to be changed."""
        return coded(self.templates.concepts[name])

    def text(self, name: str, **values: str) -> str:
        """A text of the templates with its blanks filled in."""
        return self.templates.texts.of(name, **values)


def bases(
    result: AnalysisResult,
    headers: Sequence[Dataset],
    node: NodeIdentity,
    revision: int,
    predecessors: Sequence[ObjectReference],
    language: str,
) -> tuple[Basis, ...]:
    """One basis for each analysed knee."""
    source, templates = read_source(headers), load_templates(language)
    uids = uid_space(
        source.series_uid,
        [instance.sop_instance_uid for instance in source.instances],
        node,
        result.bundle_digest,
        templates.digest,
        revision,
    )
    return tuple(
        Basis(
            result=result,
            knee=knee,
            source=source,
            grid=grid_of(knee.hu.shape, knee.affine),
            node=node,
            templates=templates,
            uids=uids.within(knee.side.value),
            predecessors=tuple(p for p in predecessors if p.side == knee.side),
        )
        for knee in result.knees
    )
