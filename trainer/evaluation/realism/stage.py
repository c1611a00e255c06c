"""The realism report of a cohort: measured subject by subject, then compared, drawn and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ctsma_node.analysis.result import OAClass, Side
from trainer.evaluation.realism.apparent import seen, seen_by_mr
from trainer.evaluation.realism.compare import claims, rows
from trainer.evaluation.realism.demography import demography
from trainer.evaluation.realism.histograms import depth_picture, grade_picture, range_picture
from trainer.evaluation.realism.measure import measure, table_of
from trainer.evaluation.realism.page import write_page
from trainer.evaluation.realism.pictures import chosen, knee_picture
from trainer.evaluation.realism.retest import Repeat, both_visits, repeats
from trainer.evaluation.realism.scans import THIN, cohort_settings, numbers_written, read_ct, read_scans
from trainer.evaluation.realism.summary import Report
from trainer.evaluation.realism.zones import F64
from trainer.phantom.paired_cohort import draw_cohort
from trainer.stage import make_items, progress, write_manifest

SUBJECTS, RETEST, LABELS = "subjects", "retest", "labels"


@dataclass(frozen=True)
class RealismSettings:
    """What decides the report, beside the cohort."""

    subjects: int = 0  # 0: all that are written
    retest: int = 12
    labelled: int = 12


def run(cohort: Path, out: Path, settings: RealismSettings, jobs: int = 1) -> Report:
    """Write README.md, index.html and pictures to `out`; figures of each subject are kept beside them.

    Raises ValueError where `cohort` is not a drawn cohort or holds no subject yet.
    """
    numbers = numbers_written(cohort)
    if not numbers:
        raise ValueError(
            f"{cohort} holds no subject yet: write some with `ctsma-train phantom --out {cohort}`"
        )
    numbers = numbers[: settings.subjects or None]
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(out, asdict(settings), [cohort / "stage.json"])
    table = table_of(make_items("subjects", partial(measure, cohort=cohort), numbers, out / SUBJECTS, jobs))
    retested = numbers[: settings.retest]
    visits = make_items("second visits", partial(both_visits, cohort=cohort), retested, out / RETEST, jobs)
    labelled = numbers[: settings.labelled]
    labels = make_items("MR labels", partial(seen_by_mr, cohort=cohort), labelled, out / LABELS, jobs)
    known = cohort_settings(cohort)
    report = Report(
        table=table,
        rows=rows(table),
        claims=claims(table),
        people=demography(draw_cohort(known)),
        repeats=_agreement(visits),
        retested=len(visits),
        shown=seen(_contents(labels)),
        labelled=len(labels),
        difficulty=known.difficulty,
    )
    range_picture(table, out / "ranges.png")
    depth_picture(table, out / "depths.png")
    grade_picture(table, out / "grades.png")
    write_page(report, _knees(cohort, numbers, out), out)
    return report


def _contents(items: Sequence[Path]) -> list[dict[str, F64]]:
    """The arrays of each item."""
    return [dict(np.load(path)) for path in items]


def _agreement(visits: Sequence[Path]) -> list[Repeat]:
    items = _contents(visits)
    return repeats({name: np.concatenate([item[name] for item in items], axis=1) for name in items[0]})


def _knees(cohort: Path, numbers: Sequence[int], out: Path) -> list[str]:
    """A picture of a knee of each group and side; their names."""
    people = [person for person in draw_cohort(cohort_settings(cohort)) if person.number in numbers]
    persons: list[tuple[int, OAClass, Side]] = [(p.number, p.oa_class, p.side) for p in people]
    names, shown = [], chosen(persons)
    with progress() as bar:
        task = bar.add_task("pictures", total=len(shown), note="")
        for number in shown:
            scans = read_scans(cohort, number)
            person = scans.subject.person
            name = f"{person.oa_class}-{person.side}.png"
            knee_picture(scans, read_ct(cohort, person.patient_id, THIN), out / name)
            names.append(name)
            bar.update(task, advance=1, note=name)
    return names
