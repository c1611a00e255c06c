"""`python -m tests.torture.mutants receive|work NODE_TOML [MUTANT]`: a right one or a wrong one."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.torture.mutants.run import run_receiver, run_worker

if __name__ == "__main__":
    part, config, *mutant = sys.argv[1:]
    {"receive": run_receiver, "work": run_worker}[part](Path(config), *mutant)
