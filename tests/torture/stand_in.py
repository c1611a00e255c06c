"""The worker's analyser in the torture suites: gives one result of two knees, made when this is imported."""

from __future__ import annotations

from collections.abc import Callable

from ctsma_node.analysis.result import AnalysisResult, Side
from ctsma_node.volume import CTVolume
from tests.unit.report.knee_results import analysis

RESULT = analysis(Side.LEFT, Side.RIGHT)


class StandIn:
    """Analyses nothing, at once."""

    digest = RESULT.bundle_digest

    def analyse(
        self,
        volume: CTVolume,
        progress: Callable[[str, float], None] | None = None,
        stated_side: Side | None = None,
    ) -> AnalysisResult:
        assert volume.hu.size
        return RESULT
