"""`python -m tests.acceptance.poisoned_node NODE_TOML SLICES`: its analysis crashes on such a series.

As `serve`, a supervisor over the real receiver and the real worker; the analyser ends its process, as a fault
in a library does, when a volume has so many slices.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ctsma_node import log
from ctsma_node.analysis.result import AnalysisResult, Side
from ctsma_node.cli.supervise import supervise
from ctsma_node.config import load
from ctsma_node.volume import CTVolume
from ctsma_node.worker.service import run
from tests.acceptance.site import CLI
from tests.acceptance.stand_ins import FakeAnalyser


class PoisonedAnalyser(FakeAnalyser):
    def __init__(self, slices: int) -> None:
        super().__init__()
        self._slices = slices

    def analyse(
        self,
        volume: CTVolume,
        progress: Callable[[str, float], None] | None = None,
        stated_side: Side | None = None,
    ) -> AnalysisResult:
        if volume.hu.shape[0] == self._slices:
            os.abort()
        return super().analyse(volume, progress, stated_side)


if __name__ == "__main__":
    settings = load(Path(sys.argv[1]))
    log.configure(settings.log.level)
    if sys.argv[3:] == ["work"]:
        run(settings, lambda _: PoisonedAnalyser(int(sys.argv[2])))
    else:
        worker = [sys.executable, "-m", "tests.acceptance.poisoned_node", *sys.argv[1:3], "work"]
        commands = {"receive": [*CLI, "receive", "--config", sys.argv[1]], "work": worker}
        sys.exit(supervise(commands, again=("work",)))
