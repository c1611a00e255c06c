"""The table of `evaluate familiarity`: what became of good and of planted knees, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from trainer.evaluation.familiarity.answers import MARKED, PASSED, REFUSED, Answer, Task, analyser_of, answer
from trainer.evaluation.familiarity.planted import GOOD, KINDS
from trainer.evaluation.familiarity.scans import draw_scans
from trainer.stage import progress, side_by_side

Figures = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """`familiarity` is the stage's folder, where the drawn scans are kept too; `bundle` None: the default."""

    familiarity: Path
    bundle: Path | None
    good: int
    planted: int
    first_seed: int
    jobs: int


def evaluate(request: Request, console: Console) -> Figures:
    """Draw the scans, ask the node about each, print the table; returns the figures.

    Raises SettingsError where neither bundle nor folder knows what is usual.
    """
    analyser_of(request.bundle, request.familiarity)
    answers = []
    with progress() as bar:
        tasks = _tasks(request)
        task = bar.add_task("series", total=len(tasks), note="")
        for one in side_by_side(answer, tasks, request.jobs):
            answers.append(one)
            bar.update(task, advance=1, note=f"{one.kind}: {one.verdict}")
    figures = summary(answers)
    console.print(_table(figures))
    for name in ("wrongly refused", "wrongly refused or marked", "planted, refused or marked"):
        share, low, high = figures[name]
        console.print(f"{name}: {share:.1%} (95 % interval {low:.1%} to {high:.1%})", highlight=False)
    return figures


def _tasks(request: Request) -> list[Task]:
    """The good scans first, then every kind; `planted` of the scans carry the faults."""
    seeds = range(request.first_seed, request.first_seed + max(request.good, request.planted))
    paths = draw_scans(seeds, request.familiarity / "evaluation" / "scans", request.jobs)
    kept = list(zip(seeds, paths, strict=True))
    asked = [(GOOD, *one) for one in kept[: request.good]]
    asked += [(kind, *one) for kind in KINDS if kind != GOOD for one in kept[: request.planted]]
    return [Task(*one, request.familiarity, request.bundle) for one in asked]


def summary(answers: Sequence[Answer]) -> Figures:
    """Counts by kind, and shares with exact (Clopper and Pearson) 95 % intervals."""
    kinds = {kind: [a for a in answers if a.kind == kind] for kind in KINDS}
    good = kinds[GOOD]
    bad = [a for a in answers if a.kind != GOOD]
    return {
        "kinds": {kind: _counts(of) for kind, of in kinds.items() if of},
        "wrongly refused": _share(sum(a.verdict == REFUSED for a in good), len(good)),
        "wrongly refused or marked": _share(sum(a.verdict != PASSED for a in good), len(good)),
        "planted, refused or marked": _share(sum(a.verdict != PASSED for a in bad), len(bad)),
        "answers": [asdict(a) for a in answers],
    }


def _counts(answers: Sequence[Answer]) -> Figures:
    verdicts = Counter(a.verdict for a in answers)
    why = Counter(f"{a.code} ({a.trait})" if a.trait else a.code for a in answers if a.code)
    counts: Figures = {verdict: verdicts[verdict] for verdict in (REFUSED, MARKED, PASSED)}
    return counts | {"why": dict(why.most_common())}


def _share(count: int, total: int) -> tuple[float, float, float]:
    if total == 0:
        return float("nan"), 0.0, 1.0
    interval = binomtest(count, total).proportion_ci(0.95, method="exact")
    return count / total, float(interval.low), float(interval.high)


def _table(figures: Figures) -> Table:
    table = Table("kind", REFUSED, MARKED, PASSED, "why")
    for kind, row in figures["kinds"].items():
        why = ", ".join(f"{n} x {code}" for code, n in row["why"].items())
        table.add_row(kind, *(str(row[verdict]) for verdict in (REFUSED, MARKED, PASSED)), why)
    return table
