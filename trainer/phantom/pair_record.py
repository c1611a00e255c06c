"""The truth of a pair as files: truth.json for people and small programs, truth.npz for arrays."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import Bone
from trainer.phantom.coarse import coarse_acquisition
from trainer.phantom.landmarks import landmarks_of
from trainer.phantom.painting import label_on
from trainer.phantom.record import describe_knee
from trainer.phantom.subject import Subject
from trainer.phantom.subregions import subregion_truth

JSON, ARRAYS = "truth.json", "truth.npz"


def write_pair_truth(subject: Subject, folder: Path) -> None:
    """`truth.json`: person, grade, scores, poses, landmarks (LPS mm) and each bone's transform from CT to MR.

    `truth.npz`: `ct_labels` and `mr_labels` ([k, j, i] as label_on) on the grids of the 1 mm CT series and of
    the MR, with `ct_affine` and `mr_affine`; for each bone `<bone>_centres` (100, 3) LPS mm of the CT and
    `<bone>_parameters` (100, 4) of the node's subregions, as subregions.SubregionTruth.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_text(json.dumps(_described(subject), indent=1) + "\n")
    ct, mr = coarse_acquisition(subject.ct_acquisition), subject.mr_acquisition
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "ct_labels": label_on(subject.ct, ct.affine, ct.size),
        "ct_affine": ct.affine,
        "mr_labels": label_on(subject.mr, mr.affine, mr.size),
        "mr_affine": mr.affine,
    }
    for bone, truth in subregion_truth(subject.ct).items():
        arrays[f"{bone}_centres"] = truth.centres
        arrays[f"{bone}_parameters"] = truth.parameters
    np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]


def _described(subject: Subject) -> dict[str, object]:
    return {
        "seed": subject.seed,
        "person": asdict(subject.person),
        "days_between": subject.days_between,
        "knee": {"ct": describe_knee(subject.ct_knee), "mr": describe_knee(subject.mr_knee)},
        "ct_acquisition": asdict(subject.ct_acquisition),
        "mr_acquisition": asdict(subject.mr_acquisition),
        "ct_to_mr": {str(bone): subject.ct_to_mr(bone).tolist() for bone in Bone},
        "landmarks": {
            str(bone): {
                "ct": {name: point.tolist() for name, point in landmarks_of(subject.ct_knee, bone).items()},
                "mr": {name: point.tolist() for name, point in landmarks_of(subject.mr_knee, bone).items()},
            }
            for bone in Bone
        },
    }
