"""CT scans of drawn people without an MR, each by a scanner of its own; labels are the drawn structure's.

The pairs of a cohort come from few people and from one scanner. A student that has seen no other reads other
people's knees with a bias of each knee; these scans show it more of both. They are divided as the node does,
from the true bones, a little wrong as a segmenter would have them.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.grid import AIR, SIZE, canonical, canonical_affine, knee_affine, resample
from ctsma_node.analysis.patches import covered_centre, cut, noise_context
from ctsma_node.analysis.plan import Plan
from ctsma_node.analysis.result import SUBREGIONS_PER_BONE, Bone, CartilageRegion, Side
from ctsma_node.analysis.subregions import CORTEX, divide, inward_distance, trabecular_region
from ctsma_node.volume import Array, apply
from trainer.drawn import ALL_DRAWN
from trainer.patches.sites import DRAWN
from trainer.patches.store import STORE, PatchStore, has_group, keep_groups, write_group
from trainer.phantom.acquisition import cropped, draw_acquisition
from trainer.phantom.ct import label_on, render_ct
from trainer.phantom.knee import Knee
from trainer.phantom.scene import draw_scene
from trainer.phantom.truth import patch_parameters
from trainer.stage import progress, side_by_side, write_manifest

_BOX = (47.0, 58.0, 46.0)
"""mm kept on either side of the joint along L, P and S: what is measured lies within."""
_APART = 4.0
"""mm by which the finder may miss the joint's middle."""
FOLDS = 5
"""As a cohort has."""
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ScanSettings:
    """How many people, from which seed on; `points` drawn in each bone beside its 100 subregions."""

    scans: int = 200
    points: int = 25
    first_seed: int = 200_000


def run(out: Path, plan: Plan, settings: ScanSettings, jobs: int) -> int:
    """Draw and cut what is missing into `out`/patches.zarr; returns how many scans there are.

    Scans that are not asked for, or were made of something else, are removed first: whoever reads the store
    takes all of it. `plan` is of the bundle whose subregions the cohort's patches are of.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(out, asdict(settings) | {ALL_DRAWN: True})
    seeds = range(settings.first_seed, settings.first_seed + settings.scans)
    there = [seed for seed in seeds if _is_there(out / STORE, seed, _made_of(plan, settings.points))]
    keep_groups(out / STORE, map(name_of, there))
    missing = sorted(set(seeds) - set(there))
    with progress() as bar:
        task = bar.add_task("scans", total=len(seeds), completed=len(there), note="")
        for _ in side_by_side(partial(_cut, out / STORE, plan, settings.points), missing, jobs):
            bar.advance(task)
    return len(seeds)


def _is_there(store: Path, seed: int, made_of: dict[str, Any]) -> bool:
    """Whether a scan's patches are there, and of the same subregions and points as are asked for now."""
    if not has_group(store, name_of(seed)):
        return False
    attributes = PatchStore(store).attributes(name_of(seed))
    return all(attributes.get(name) == value for name, value in made_of.items())


def _made_of(plan: Plan, points: int) -> dict[str, Any]:
    """What a scan's patches depend on beside its seed."""
    places = repr((plan.femur_template, plan.tibia_template)).encode()
    return {"points": points, "templates": hashlib.sha256(places).hexdigest()}


def name_of(seed: int) -> str:
    """Id of a scan, as a pair's: person and side."""
    return f"SCAN{seed}-{_side(seed).value}"


def _side(seed: int) -> Side:
    return Side.LEFT if np.random.default_rng([seed, 21]).random() < 0.5 else Side.RIGHT


def _cut(store: Path, plan: Plan, points: int, seed: int) -> None:
    arrays, knee = scan_patches(seed, plan, points)
    write_group(store, name_of(seed), arrays, _attributes(seed, knee) | _made_of(plan, points))


def _attributes(seed: int, knee: Knee) -> dict[str, Any]:
    """As those of a cohort's pair, so that both are read alike."""
    name = name_of(seed)
    scores = {region.value.replace(" ", "_"): knee.cartilage[region] for region in CartilageRegion}
    return {
        "pair_id": name,
        "pseudonym": name.partition("-")[0],
        "side": knee.side.value,
        "fold": seed % FOLDS,
        "oa_class": knee.oa_class.value,
        "clinical": {"moaks_cartilage": scores},
        "sampling": {"protocols": False, "native": False},
        "seed": seed,
    }


def scan_patches(seed: int, plan: Plan, points: int) -> tuple[dict[str, Any], Knee]:
    """Arrays of one scan, those of store.ARRAYS that need no MR, and the knee that was drawn."""
    rng = np.random.default_rng([seed, 22])
    side = _side(seed)
    scene = draw_scene(seed, (side,))
    knee = scene.knees[0]
    joint = knee.placement[:3, 3]
    affine = knee_affine(joint + rng.uniform(-_APART, _APART, 3))
    hu, covered = resample(
        render_ct(scene, cropped(draw_acquisition(seed, scene), joint, _BOX)), affine, SIZE
    )
    hu, covered = canonical(hu, side), canonical(covered, side)
    labels = _wobble(canonical(label_on(scene, affine, SIZE, knee=0), side), rng)
    to_lps = canonical_affine(affine, side)
    parts = [
        _of_bone(knee, bone, labels, hu, covered, to_lps, np.array(_template(plan, bone)), points, rng)
        for bone in Bone
    ]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return arrays | {"context": noise_context(hu, labels > 0)}, knee


def _template(plan: Plan, bone: Bone) -> tuple[tuple[float, float, float], ...]:
    return plan.femur_template if bone is Bone.FEMUR else plan.tibia_template


def _of_bone(
    knee: Knee,
    bone: Bone,
    labels: Labels,
    hu: npt.NDArray[np.float32],
    covered: npt.NDArray[np.bool_],
    to_lps: Array,
    template: Array,
    points: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    distance = inward_distance(labels == LABEL[bone])
    region = trabecular_region(distance, bone)
    places = np.argwhere(region)
    picked = places[rng.choice(len(places), points)] + rng.uniform(-0.5, 0.5, (points, 3))
    centres = covered_centre(np.concatenate([divide(region, template).centres, picked]))
    lps = apply(to_lps, centres[:, ::-1])
    n = len(centres)
    return {
        "ct": cut(hu, centres, AIR).astype(np.float16),
        "ct_mask": cut((distance > CORTEX) & covered, centres, 0.0) > 0,
        "label": patch_parameters(knee, bone, lps).astype(np.float32),
        "lps": lps,
        "bone": np.full(n, list(Bone).index(bone), dtype=np.uint8),
        "subregion": np.concatenate(
            [np.arange(1, SUBREGIONS_PER_BONE + 1), np.full(points, DRAWN)], dtype=np.uint8, casting="unsafe"
        ),
    }


def _wobble(labels: Labels, rng: np.random.Generator) -> Labels:
    """Labels as a segmenter gives them: grown or shrunk by a voxel, or as they are."""
    grow = int(rng.integers(-1, 2))
    if grow == 0:
        return labels
    changed = labels.copy()
    for label in LABEL.values():
        bone = labels == label
        if grow > 0:
            changed[ndimage.binary_dilation(bone) & (labels == 0)] = label
        else:
            changed[bone & ~ndimage.binary_erosion(bone)] = 0
    return changed
