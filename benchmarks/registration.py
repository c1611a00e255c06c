"""CPU seconds and target registration error of a pair: bone-wise registration beside ANTs rigid, one thread.

Both get the same CT on the analysis grid and the same MR averaged to 0.9 mm. Table 4 of the paper over a
cohort is `ctsma-train evaluate registration`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.evaluation.registration.errors import target_errors
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms
from trainer.phantom.coarse import coarse_form
from trainer.phantom.ct import render_ct
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.landmarks import landmarks_of
from trainer.phantom.mr import render_mr
from trainer.phantom.person import draw_people
from trainer.phantom.subject import Subject, draw_subject, subject_seed
from trainer.registration.ants_rigid import ants_rigid
from trainer.registration.bonewise import register
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.moving import LEVELS, averaged

COHORT, SUBJECTS = 77, 2
RUNS = 3
"""The first of them compiles, and is not counted."""


def main() -> None:
    """Print seconds and mean error of both methods for each of SUBJECTS knees."""
    os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")
    torch.set_num_threads(1)
    analyser = Analyser.load(None, device="cpu", threads=1)
    print(f"{'knee':>6s} {'method':16s} {'seconds':>8s} {'TRE, mm':>8s}")
    for person in draw_people(SUBJECTS, COHORT):
        subject = draw_subject(person, subject_seed(COHORT, person.number), DIFFICULTIES["standard"])
        knee, mr = _scanned(subject, analyser)
        coarse = averaged(mr, LEVELS[-1][0])
        for name, method in (
            ("ANTs rigid", lambda k=knee, m=coarse: dict.fromkeys(Bone, ants_rigid(k, m))),
            ("bone by bone", lambda k=knee, m=mr: _bone_by_bone(k, m)),
        ):
            seconds, found = _timed(method)
            error = float(np.mean(target_errors(found, _landmarks(subject))))
            print(f"{person.number:6d} {name:16s} {seconds:8.2f} {error:8.3f}")


def _scanned(subject: Subject, analyser: Analyser) -> tuple[CTKnee, MRVolume]:
    ct = coarse_form(render_ct(subject.ct, subject.ct_acquisition), subject.ct_acquisition)
    return knee_of(ct, subject.person.side, analyser), render_mr(subject.mr, subject.mr_acquisition)


def _bone_by_bone(knee: CTKnee, mr: MRVolume) -> Transforms:
    return {bone: pose.transform for bone, pose in register(knee, mr).bones.items()}


def _landmarks(subject: Subject) -> dict[Bone, tuple[Array, Array]]:
    return {
        bone: (
            np.array(list(landmarks_of(subject.ct_knee, bone).values())),
            np.array(list(landmarks_of(subject.mr_knee, bone).values())),
        )
        for bone in Bone
    }


def _timed(method: Callable[[], Transforms]) -> tuple[float, Transforms]:
    seconds = []
    for _ in range(RUNS):
        begun = time.process_time()
        found = method()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds[1:]), found
