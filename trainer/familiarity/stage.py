"""The stage `familiarity`: patches of the knees of training to what the node compares others with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.numpy import load_file, save_file

from ctsma_node.analysis.familiarity import Reference
from ctsma_node.analysis.plan import FamiliarityPlan
from ctsma_node.analysis.result import Trait
from ctsma_node.errors import SettingsError
from trainer.drawn import ALL_DRAWN, all_drawn_below
from trainer.familiarity import fit
from trainer.familiarity.looks import Seen, read_looks
from trainer.patches.store import STORE
from trainer.stage import write_manifest

PLAN = "familiarity.json"
ARRAYS = "familiarity.safetensors"
FEWEST = 20
"""People; a covariance of fewer says nothing about others."""


@dataclass(frozen=True)
class FamiliaritySettings:
    """How limits are set: shares of the knees left out of the fit that judged them."""

    reach: float = fit.REACH
    within: float = fit.WITHIN
    marked: float = fit.MARKED
    refused: float = fit.REFUSED


def run(out: Path, folders: list[Path], jobs: int) -> dict[str, float]:
    """Fit what is usual in the patches below `folders` (those that are there) into `out`.

    Returns the limits and scores. Raises SettingsError where there are no patches, or too few people.
    """
    there = [folder for folder in folders if (folder / STORE).is_dir()]
    if not there:
        raise SettingsError(f"{folders[0] / STORE}: no patches; make them with: ctsma-train patches ARCHIVE")
    knees = read_looks(there, jobs)
    people = {knee.person for knee in knees}
    if len(people) < FEWEST:
        raise SettingsError(
            f"patches of {len(people)} people; {FEWEST} are the fewest that say what is usual"
        )
    plan, figures = _fitted(knees, out)
    settings = asdict(FamiliaritySettings()) | {"people": len(people), ALL_DRAWN: all_drawn_below(*there)}
    write_manifest(out, settings | {"figures": figures})
    return {f"limit of {measure}": limit for measure, limit in plan.limits.items()} | figures


def _fitted(knees: list[Seen], out: Path) -> tuple[FamiliarityPlan, dict[str, float]]:
    judged = fit.left_out(knees)
    plan = fit.limits_of(judged)
    out.mkdir(parents=True, exist_ok=True)
    save_file(fit.fit(knees).arrays(), out / ARRAYS)
    (out / PLAN).write_text(plan.model_dump_json(indent=1) + "\n")
    return plan, {"mark_at": plan.mark_at, "refuse_at": plan.refuse_at} | _shares(judged, plan)


def _shares(judged: fit.Judged, plan: FamiliarityPlan) -> dict[str, float]:
    """Share of the marked knees among those left out, by the trait that marks them."""
    found = fit.judge_all(judged, plan.limits)
    total = float(judged.weights.sum())
    marked = [(f.trait, w) for f, w in zip(found, judged.weights, strict=True) if f.score > plan.mark_at]
    return {f"marked by {t}": sum(w for trait, w in marked if trait is t) / total for t in Trait}


def read_familiarity(folder: Path) -> tuple[FamiliarityPlan, Reference] | None:
    """What the stage left in its folder; None where it has not been run."""
    if not (folder / PLAN).is_file():
        return None
    plan = FamiliarityPlan.model_validate(json.loads((folder / PLAN).read_text()))
    return plan, Reference(**load_file(folder / ARRAYS))
