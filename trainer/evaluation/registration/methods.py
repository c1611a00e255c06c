"""Every method of the comparison: names, and the transforms that each gives for a pair."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone
from ctsma_node.volume import Array
from trainer.mr import MRVolume
from trainer.patches.transforms import Transforms
from trainer.registration.ants_rigid import ants_rigid
from trainer.registration.bonewise import KneePose
from trainer.registration.coarse import joint_centre, middle_of
from trainer.registration.knee import CTKnee
from trainer.registration.moving import LEVELS, averaged
from trainer.registration.rigid import mean_rigid
from trainer.synthesis.refined import ByWayOfCT, register_by_sct
from trainer.synthesis.settings import Method, SynthesisSettings
from trainer.synthesis.synthesise import Synthesiser

SCANNER, CENTRED, ANTS = "scanner coordinates", "fields of view centred", "ANTs rigid"
ANTS_STARTED, START = "ANTs rigid from our start", "global start"
INFORMATION, TEXTURE = "bone-wise, mutual information", "bone-wise, then texture"
METHODS = (SCANNER, CENTRED, ANTS, ANTS_STARTED, START, INFORMATION, TEXTURE)
"""Without a synthesis; those of each synthesis come after them."""
BONEWISE = "bone-wise"
_PRINTED = {Method.SPSNET: "SPSNet", Method.CYCLEGAN: "CycleGAN", Method.MUNIT: "MUNIT"}

T = TypeVar("T")


@dataclass
class Stopwatch:
    """The processor's time: with one thread each, what an idle core takes, whoever shares the machine."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes; its time is kept under `name`."""
        begun = time.process_time()
        made = make()
        self.seconds[name] = time.process_time() - begun
        return made


def without_synthesis(knee: CTKnee, mr: MRVolume, pose: KneePose, watch: Stopwatch) -> dict[str, Transforms]:
    """Of METHODS; ANTs gets the MR averaged as our finest level has it, which saves it much time."""
    coarse = averaged(mr, LEVELS[-1][0])
    start = pose.starts[0].transforms
    whole = mean_rigid(start[Bone.FEMUR], start[Bone.TIBIA], pose.points[Bone.TIBIA].lps(every=97))
    centred = np.eye(4)
    centred[:3, 3] = middle_of(mr.affine, mr.size) - joint_centre(pose.points)
    one = {
        SCANNER: np.eye(4),
        CENTRED: centred,
        ANTS: watch.timed(ANTS, lambda: ants_rigid(knee, coarse)),
        ANTS_STARTED: watch.timed(ANTS_STARTED, lambda: ants_rigid(knee, coarse, whole)),
    }
    return {
        **{name: both(transform) for name, transform in one.items()},
        START: start,
        INFORMATION: {bone: each.by_information for bone, each in pose.bones.items()},
        TEXTURE: {bone: each.transform for bone, each in pose.bones.items()},
    }


def by_synthesis(
    knee: CTKnee, mr: MRVolume, coarse: Array, model: Synthesiser, analyser: Analyser, watch: Stopwatch
) -> tuple[ByWayOfCT, dict[str, Transforms]]:
    """The paper's way, from ANTs' own registration (`coarse`): its two results by name."""
    name = f"{ANTS} + {printed(model.settings)}"
    full = f"{name} + {BONEWISE}"
    found = watch.timed(full, lambda: register_by_sct(knee, mr, coarse, model, analyser))
    watch.seconds[full] += watch.seconds[ANTS]
    return found, {name: both(found.whole), full: found.bones}


def both(transform: Array) -> Transforms:
    """One motion for both bones."""
    return dict.fromkeys(Bone, transform)


def printed(settings: SynthesisSettings) -> str:
    """A synthesis as the tables name it."""
    return _PRINTED[settings.method] + (" with edges" if settings.edges else "")
