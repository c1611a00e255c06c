"""One pair from its two volumes to two transforms, or to the reason why there are none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ctsma_node.analysis.predict import Analyser
from ctsma_node.analysis.result import Bone, Side
from ctsma_node.volume import Array, CTVolume
from trainer.mr import MRVolume
from trainer.registration.bonewise import KneePose, register
from trainer.registration.diagnosis import diagnosed
from trainer.registration.knee import CTKnee, knee_of
from trainer.registration.quality import Limits, Quality, Verdict, judge


@dataclass(frozen=True, eq=False)
class Registration:
    """A registered pair, or one that is not; `pose` is only to be believed where the verdict says so."""

    knee: CTKnee
    pose: KneePose
    quality: Quality
    seconds: dict[str, float]
    """Wall time: find the bones, register, judge."""

    def described(self) -> dict[str, Any]:
        """For a file: `ct_to_mr` (4 x 4 of each bone, LPS mm) only where the pair is registered."""
        transforms = {bone.value: self.pose.bones[bone].transform.tolist() for bone in Bone}
        registered = self.quality.verdict is Verdict.REGISTERED
        return {
            **({"ct_to_mr": transforms} if registered else {}),
            **asdict(self.quality),
            "seconds": self.seconds,
        }


Overlap = Callable[[CTKnee, MRVolume, dict[Bone, Array]], dict[Bone, float]]
"""Of each bone's masks in CT and MR, by its transform: see `trainer.synthesis.overlap`."""


def register_pair(
    ct: CTVolume,
    mr: MRVolume,
    side: Side,
    analyser: Analyser,
    limits: Limits | None = None,
    overlap: Overlap | None = None,
) -> Registration:
    """Register the knee of that side. Raises Refused where the CT holds none that could be analysed."""
    limits = limits or Limits()
    begun = time.perf_counter()
    knee = knee_of(ct, side, analyser)
    found = time.perf_counter()
    pose = register(knee, mr)
    registered = time.perf_counter()
    transforms = {bone: each.transform for bone, each in pose.bones.items()}
    seen = None if overlap is None else overlap(knee, mr, transforms)
    quality = diagnosed(judge(pose, limits, seen), pose, knee, mr, limits)
    seconds = {
        "find the bones": found - begun,
        "register": registered - found,
        "judge": time.perf_counter() - registered,
    }
    return Registration(knee, pose, quality, seconds)
