"""Measured beside true, subregion by subregion: the truth is taken where each subregion's patch lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctsma_node.analysis.result import Bone, Parameter
from ctsma_node.demo.phantom import KneeTruth
from ctsma_node.demo.returned import KneeReturned


@dataclass(frozen=True)
class Agreement:
    """One parameter of one bone: means over the same subregions, in the parameter's unit."""

    bone: Bone
    parameter: Parameter
    measured: float
    truth: float
    correlation: float  # Pearson's, over the subregions

    @property
    def difference(self) -> float:
        """Of the measured mean from the true one, as a part of the true one."""
        return self.measured / self.truth - 1.0


def compare(knee: KneeReturned, truth: KneeTruth) -> list[Agreement]:
    """Every parameter of every bone, at the centres of the subregions that came back."""
    return [agreement for bone in Bone for agreement in _bone(knee, truth, bone)]


def _bone(knee: KneeReturned, truth: KneeTruth, bone: Bone) -> list[Agreement]:
    subregions = knee.subregions[bone]
    known = truth.patches[bone].at(np.array([each.centre for each in subregions]))
    measured = np.array([[each.values[parameter] for parameter in Parameter] for each in subregions])
    return [
        Agreement(
            bone=bone,
            parameter=parameter,
            measured=float(measured[:, n].mean()),
            truth=float(known[:, n].mean()),
            correlation=float(np.corrcoef(measured[:, n], known[:, n])[0, 1]),
        )
        for n, parameter in enumerate(Parameter)
    ]
