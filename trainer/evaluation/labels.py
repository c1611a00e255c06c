"""The labels of a drawn cohort's patches against what the phantom knows of the same places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone, Parameter
from ctsma_node.errors import SettingsError
from trainer.evaluation.icc import icc21_of
from trainer.patches.store import STORE, PatchStore
from trainer.phantom.paired_cohort import PhantomSettings, draw_cohort, subject_of
from trainer.phantom.truth import patch_parameters
from trainer.stage import MANIFEST

F64 = npt.NDArray[np.float64]


def read_pairs(patches: Path, phantom: Path) -> Iterator[tuple[str, F64, F64, F64]]:
    """Of each pair: its id, labels, apparent values and truth, each (n, 4).

    `patches` as `ctsma-train patches` wrote it from the cohort in `phantom`, read with --keep-ids. Raises
    SettingsError where one is missing, or a pair is of none of the cohort's people.
    """
    try:
        settings = PhantomSettings(**json.loads((phantom / MANIFEST).read_text())["settings"])
        store = PatchStore(patches / STORE)
        pairs = store.pairs
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{patches} and {phantom} are no patches of a drawn cohort ({error})") from error
    if not pairs:
        raise SettingsError(f"{patches / STORE} holds no pair")
    people = {person.patient_id: person for person in draw_cohort(settings)}
    for pair in pairs:
        person = people.get(str(store.attributes(pair)["pseudonym"]))
        if person is None:
            raise SettingsError(f"{pair} is none of the people of {phantom}: read the cohort with --keep-ids")
        found = store.read(pair, ["label", "apparent", "lps", "bone"])
        truth = np.full(found["label"].shape, np.nan)
        knee = subject_of(person, settings).ct_knee
        for number, bone in enumerate(Bone):
            of_bone = found["bone"] == number
            truth[of_bone] = patch_parameters(knee, bone, found["lps"][of_bone])
        yield pair, found["label"].astype(np.float64), found["apparent"].astype(np.float64), truth


def agreement(labels: F64, apparent: F64, truth: F64) -> dict[str, dict[str, float]]:
    """Of each parameter: r and ICC(2,1) of the labels, r of the apparent values, means; and the patches."""
    whole = np.isfinite(labels).all(axis=1) & np.isfinite(truth).all(axis=1)
    return {
        parameter.value: {
            "r": float(np.corrcoef(labels[whole, c], truth[whole, c])[0, 1]),
            "ICC(2,1)": icc21_of(labels[whole, c], truth[whole, c]),
            "apparent r": float(np.corrcoef(apparent[whole, c], truth[whole, c])[0, 1]),
            "label mean": float(labels[whole, c].mean()),
            "truth mean": float(truth[whole, c].mean()),
        }
        for c, parameter in enumerate(Parameter)
    } | {"patches": {"all": float(len(labels)), "labelled": float(whole.sum())}}
