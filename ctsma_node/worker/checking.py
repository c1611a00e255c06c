"""The check of what was written of a case, before any of it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ctsma_node import log
from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.assemble import Series
from ctsma_node.records import Case
from ctsma_node.validation import Finding
from ctsma_node.worker import steps


def check_written(case: Case, result: AnalysisResult | None, series: Series, written: Sequence[Path]) -> None:
    """Check files in the order of sending: every finding is logged; raises InvalidResult if there is one."""

    def tell(finding: Finding) -> None:
        log.logger.error(
            "result.invalid",
            series=case.series_uid,
            case=case.id,
            path=finding.path,
            code=finding.code,
            reason=str(finding),
        )

    steps.validate(written, result, series, tell)
