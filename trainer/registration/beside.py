"""Where one bone may lie in the MR, if the other one lies at a pose: what a knee can do."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from ctsma_node.volume import Array
from trainer.registration.rigid import turned_about

FLEXIONS = (-24.0, -16.0, -8.0, 0.0, 8.0, 16.0, 24.0)
"""Degrees about the left-right axis that a start is turned by: what the global start got wrong."""
BESIDE = (50.0, 10.0, 10.0, 12.0, 12.0, 12.0)
"""Degrees about L, P, S and mm along them that one bone may lie otherwise against the other in the MR."""
AROUND = 400
"""Poses that are tried within BESIDE for a bone that was not found where the other one was."""


def bent(transform: Array, joint: Array) -> list[Array]:
    """A pose (4 x 4, CT to MR) with the knee bent by each of FLEXIONS about the joint (LPS mm of the CT)."""
    return [turned_about(transform, np.array([degrees, 0.0, 0.0]), joint) for degrees in FLEXIONS]


def around_the_other(transform: Array, joint: Array) -> list[Array]:
    """Poses of a bone, drawn evenly from BESIDE about the other one's."""
    drawn = qmc.Halton(6, scramble=True, rng=0).random(AROUND)
    out = []
    for pose in qmc.scale(drawn, [-limit for limit in BESIDE], BESIDE):
        start = turned_about(transform, pose[:3], joint)
        start[:3, 3] += pose[3:]
        out.append(start)
    return out
