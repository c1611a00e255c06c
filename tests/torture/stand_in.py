"""The worker's analyser in the torture suites: gives one result of two knees, made when this is imported."""

from __future__ import annotations

from collections.abc import Callable

from ctsma_node.analysis.result import AnalysisResult, Side
from ctsma_node.volume import CTVolume
from tests.acceptance.stand_ins import FakeAnalyser
from tests.unit.report.knee_results import analysis

RESULT = analysis(Side.LEFT, Side.RIGHT)


class StandIn(FakeAnalyser):
    """Analyses nothing, at once, and likes to do so for several cases together."""

    digest = RESULT.bundle_digest

    def __init__(self) -> None:
        super().__init__()
        self.together = 3

    def analyse(
        self,
        volume: CTVolume,
        progress: Callable[[str, float], None] | None = None,
        stated_side: Side | None = None,
    ) -> AnalysisResult:
        assert volume.hu.size
        return RESULT
