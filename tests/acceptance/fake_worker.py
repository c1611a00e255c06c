"""`python -m tests.acceptance.fake_worker NODE_TOML SECONDS`: the real worker; its analyser only waits."""

from __future__ import annotations

import sys
from pathlib import Path

from ctsma_node import log
from ctsma_node.config import load
from ctsma_node.worker.service import run
from tests.acceptance.stand_ins import FakeAnalyser

if __name__ == "__main__":
    settings = load(Path(sys.argv[1]))
    log.configure(settings.log.level)
    run(settings, lambda _: FakeAnalyser(float(sys.argv[2])), lambda: load(Path(sys.argv[1])))
