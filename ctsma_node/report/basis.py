"""What every object of one analysed knee is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeResult, Side
from ctsma_node.report.grid import Grid, grid_of
from ctsma_node.report.identity import NodeIdentity, ObjectReference, uid_space
from ctsma_node.report.origin import Origin
from ctsma_node.report.source import read_source
from ctsma_node.report.templates import load_templates


@dataclass(frozen=True, kw_only=True)
class Basis(Origin):
    """One knee of a result with its grid."""

    side: Side
    result: AnalysisResult
    knee: KneeResult
    grid: Grid

    def tracking_uid(self, name: str) -> str:
        """Tracking UID (PS3.3 C.8.20.4) of the knee, a bone or a subregion."""
        return self.uids.uid(f"tracking {name}")

    def tracking_id(self, name: str) -> str:
        """Tracking ID, readable: the side and the name, such as "L F001"."""
        return f"{self.side.value} {name}"


def series_origin(
    headers: Sequence[Dataset],
    node: NodeIdentity,
    bundle: str,
    bundle_digest: str,
    revision: int,
    language: str,
) -> Origin:
    """What all objects about a series have in common; raises Refused where nothing can refer to it."""
    source, templates = read_source(headers), load_templates(language)
    uids = uid_space(
        source.series_uid,
        [instance.sop_instance_uid for instance in source.instances],
        node,
        bundle_digest,
        templates.digest,
        revision,
    )
    return Origin(
        side=None,
        source=source,
        node=node,
        templates=templates,
        uids=uids,
        bundle=bundle,
        revision=revision,
        bundle_digest=bundle_digest,
    )


def basis_of(
    origin: Origin, result: AnalysisResult, knee: KneeResult, predecessors: Sequence[ObjectReference]
) -> Basis:
    """The basis of one knee's objects."""
    return Basis(
        side=knee.side,
        source=origin.source,
        node=origin.node,
        templates=origin.templates,
        uids=origin.uids.within(knee.side.value),
        bundle=origin.bundle,
        revision=origin.revision,
        bundle_digest=origin.bundle_digest,
        predecessors=tuple(p for p in predecessors if p.side == knee.side),
        result=result,
        knee=knee,
        grid=grid_of(knee.hu.shape, knee.affine),
    )
