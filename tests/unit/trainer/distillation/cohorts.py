"""A made-up cohort of patches whose parameters show in both images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.patches.store import STORE, PatchStore, write_group

F32 = npt.NDArray[np.float32]


def write_cohort(folder: Path, pairs: int = 6, patches: int = 24, folds: int = 3) -> Path:
    """A store below `folder`: denser patches are brighter in the CT, darker in the MR, and coarser."""
    for number in range(pairs):
        rng = np.random.default_rng([7, number])
        density = rng.uniform(0.1, 0.4, patches).astype(np.float32)
        label = np.stack([density, 0.1 + 0.4 * density, 1.0 - 1.2 * density, 0.8 + density], axis=1).astype(
            np.float32
        )
        label[0, 2] = np.nan  # one that could not be measured
        arrays = {
            "ct": _images(rng, 200.0 + 1500.0 * density, 60.0, (12, 12, 12)).astype(np.float16),
            "ct_mask": np.ones((patches, 12, 12, 12), dtype=bool),
            "mr": _images(rng, 900.0 * (1.0 - density), 40.0, (16, 48, 48)).astype(np.uint16),
            "mr_mask": np.ones((patches, 16, 48, 48), dtype=bool),
            "mr_marrow": np.full(patches, 1000.0, dtype=np.float32),
            "label": label,
            "lps": rng.permutation(900)[: 3 * patches].reshape(patches, 3) / 10.0,
            "bone": (np.arange(patches) % 2).astype(np.uint8),
            "subregion": np.arange(1, patches + 1, dtype=np.uint8),
            "context": np.zeros(3, dtype=np.float32),
            "protocol_contexts": np.array([[1.0] * 3, [2.0] * 3], dtype=np.float32),
        }
        # One other protocol changes nothing, one takes the contrast away.
        arrays["ct_protocols"] = np.stack([arrays["ct"], arrays["ct"] * 0], axis=1).astype(np.float16)
        arrays["ct_native"] = arrays["ct"].repeat(3, 1).repeat(3, 2).repeat(3, 3).astype(np.int16)
        farther = 1.0 + 0.1 * np.arange(1, 7, dtype=np.float32)
        arrays["shifted_label"] = label[:, None] * farther[:, None]
        arrays["ct_mask"][1] = False  # one with hardly any bone
        attributes = {"fold": number % folds, "sampling": {"protocols": True, "native": True}}
        write_group(folder / STORE, f"P{number:04d}-R", arrays, attributes)
    return folder


def deal_otherwise(cohort: Path, to: Path) -> Path:
    """The same patches below `to`, each pair in the next fold: as by another seed, or in a grown cohort."""
    shutil.copytree(cohort, to)
    for path in sorted((to / STORE).glob("*/zarr.json")):
        about = json.loads(path.read_text())
        if "fold" in about["attributes"]:
            about["attributes"]["fold"] = (about["attributes"]["fold"] + 1) % 3
            path.write_text(json.dumps(about))
    return to


def write_scans(folder: Path, scans: int = 4, patches: int = 24) -> Path:
    """Patches of people without MR below `folder`, otherwise as those of `write_cohort`."""
    whole = write_cohort(folder / "with_mr", scans, patches)
    store = PatchStore(whole / STORE)
    for number, name in enumerate(store.pairs):
        arrays = store.read(name, ["ct", "ct_mask", "label", "lps", "bone", "subregion", "context"])
        attributes = {"fold": number, "sampling": {"protocols": False, "native": False}}
        write_group(folder / STORE, f"SCAN{number}-L", arrays, attributes)
    return folder


def _images(rng: np.random.Generator, level: F32, noise: float, shape: tuple[int, ...]) -> F32:
    values = level[:, None, None, None] + noise * rng.standard_normal((len(level), *shape))
    return np.asarray(np.maximum(values, 0.0), dtype=np.float32)
