"""`python -m tests.torture.mutants.table FOLDER`: every mutant in every suite that may catch it.

A suite names in `CATCHES` what it must catch. What else it is tried on shows what it cannot see.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import ModuleType

from benchmarks.machine import describe
from tests.torture.mutants import receivers, workers
from tests.torture.run import Run, suites

_SECONDS = 300.0
_MISSED = "**must** not in"


def table(known: dict[str, ModuleType]) -> str:
    """Markdown: a row for each mutant, a column for each suite that catches any."""
    catching = {name: suite for name, suite in known.items() if hasattr(suite, "CATCHES")}
    lines = [f"| mutant | what it does | {' | '.join(catching)} |", "|---|---|" + "---|" * len(catching)]
    for part in (receivers, workers):
        for name, mutant in part.MUTANTS.items():
            said = (mutant.__doc__ or "").removesuffix(".")
            cells = [_cell(suite, name, part is workers) for suite in catching.values()]
            lines.append(f"| `{name}` | {said} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(suite: ModuleType, mutant: str, is_worker: bool) -> str:
    """After how many rounds, and by what; "-" where the suite does not try it."""
    parts = getattr(suite, "PARTS", "receiver worker")
    if ("worker" if is_worker else "receiver") not in parts:
        return "-"
    if mutant not in getattr(suite, "TRIES", (mutant,)):
        return "-"
    with tempfile.TemporaryDirectory() as folder:
        run = Run(suite.SHORT, 1, _SECONDS, Path(folder), mutant)
        suite.torment(run)
    must = "**must** " if mutant in suite.CATCHES else ""
    if not run.tally.faults:
        return f"{_MISSED if must else 'not in'} {run.done}"
    after = f"after {run.done}" if run.done else "before the first"
    return f"{must}{after}: {run.tally.faults[0].partition(':')[0]}"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    text = f"# mutants\nAfter how many rounds each suite's short form caught which; {describe()}\n\n"
    rows = table(suites())
    (folder / "mutants.md").write_text(text + rows + "\n", encoding="utf-8")
    if _MISSED in rows:
        raise SystemExit(f"A suite missed a mutant that it must catch: see {folder / 'mutants.md'}")
