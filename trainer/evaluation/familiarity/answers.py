"""What the node answers to one series: refused, marked or passed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ctsma_node.analysis.predict import Analyser
from ctsma_node.errors import Refused, SettingsError
from ctsma_node.gate import GateSettings, calibration, content
from ctsma_node.volume import CTVolume
from trainer.evaluation.familiarity.planted import planted
from trainer.evaluation.familiarity.scans import read_scan
from trainer.familiarity.stage import read_familiarity

REFUSED, MARKED, PASSED = "refused", "marked", "passed"
CODES = frozenset(
    {
        *("unfamiliar", "contrast_medium", "plane_through_bone", "unusual_soft_tissue"),
        *("soft_kernel", "thick_slices", "sharp_or_noisy", "double_contours"),
    }
)
"""Marks that say that a knee is not of the kind that was trained on."""


@dataclass(frozen=True)
class Answer:
    """One series: what was planted in it, what became of it, and why."""

    kind: str
    seed: int
    verdict: str
    code: str = ""
    score: float | None = None
    trait: str = ""


@dataclass(frozen=True)
class Task:
    """One series to ask about: a kept scan and what to make of it."""

    kind: str
    seed: int
    scan: Path
    familiarity: Path
    bundle: Path | None


def answer(task: Task) -> Answer:
    """Ask the gate about the pixels, then the whole analysis."""
    volume = planted(read_scan(task.seed, task.scan), task.kind)
    try:
        _gate(volume)
        knees = analyser_of(task.bundle, task.familiarity).analyse(volume).knees
    except Refused as refused:
        return Answer(task.kind, task.seed, REFUSED, refused.code)
    codes = sorted({mark.code for knee in knees for mark in knee.marks} & CODES)
    found = knees[0].familiarity
    return Answer(
        task.kind,
        task.seed,
        MARKED if codes else PASSED,
        ", ".join(codes),
        found.score if found else None,
        found.trait if found else "",
    )


def _gate(volume: CTVolume) -> None:
    """The checks of the gate that need no header."""
    content.no_blank_slices(volume)
    calibration.fat_and_air(volume)
    content.no_metal(volume, GateSettings())


@cache
def analyser_of(bundle: Path | None, familiarity: Path) -> Analyser:
    """One for each process; the bundle's own familiarity, or that of the stage.

    Raises SettingsError where there is neither.
    """
    analyser = Analyser.load(bundle, device="cpu", threads=1, refuse_unfamiliar=True)
    if analyser.bundle.reference is not None:
        return analyser
    kept = read_familiarity(familiarity)
    if kept is None:
        raise SettingsError(f"{familiarity}: nothing is there; make it with: ctsma-train familiarity")
    plan, reference = kept
    with_plan = analyser.bundle.plan.model_copy(update={"familiarity": plan})
    return Analyser(
        replace(analyser.bundle, plan=with_plan, reference=reference), analyser.device, refuse_unfamiliar=True
    )
