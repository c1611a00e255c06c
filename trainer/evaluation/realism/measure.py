"""Everything that is measured of one subject, and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import OAClass
from trainer.evaluation.realism.ct_figures import ct_figures, noise_figures
from trainer.evaluation.realism.demography import Table
from trainer.evaluation.realism.mr_figures import mr_figures
from trainer.evaluation.realism.scans import THIN, Scans, read_ct, read_scans
from trainer.evaluation.realism.structure_figures import structure_figures

PROXIMAL = slice(-48, None)
"""Slices of the thin CT that its noise is measured in: there muscle is widest."""


def measure(number: int, cohort: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The figures of subject `number` of a cohort, one value each."""
    scans = read_scans(cohort, number)
    thin = read_ct(cohort, scans.subject.person.patient_id, THIN, PROXIMAL)
    figures = (
        _who(scans) | ct_figures(scans) | noise_figures(thin) | mr_figures(scans) | structure_figures(scans)
    )
    return {name: np.array(float(value)) for name, value in figures.items()}


def _who(scans: Scans) -> dict[str, float]:
    """Person, grade and how the scans were asked for."""
    person, knee = scans.subject.person, scans.knee
    return {
        "number": person.number,
        "class": list(OAClass).index(person.oa_class),
        "KL": knee.kl,
        "woman": person.sex == "F",
        "age": person.age,
        "MOAKS sum": sum(knee.cartilage.values()),
        "MR SNR asked": scans.subject.mr_acquisition.snr,
        "CT noise asked": scans.subject.ct_acquisition.noise_hu,
    }


def table_of(items: Sequence[Path]) -> Table:
    """The figures of all subjects, (n,) each."""
    rows = []
    for path in items:
        with np.load(path) as item:
            rows.append({name: float(item[name]) for name in item.files})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
