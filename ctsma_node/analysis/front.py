"""Whether the front of the knees is where the source says it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ctsma_node.analysis.coarse import PATELLA, PATELLA_REACH, Coarse, label_coarse
from ctsma_node.analysis.networks import KneeFinder
from ctsma_node.errors import Refused
from ctsma_node.volume import CTVolume

_LEAST_PATELLA = 5_000.0
"""mm3: of 24 drawn knees, each had 13.8 cm3 and more as it lay, and at most 2.0 when it was turned about."""
_AROUND = 80.0
"""mm to each side of a joint in which the finder's certainty is compared."""
_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
"""About the long axis, in LPS."""

Centre = tuple[float, float, float]


def check_front(
    coarse: Coarse, centres: Sequence[Centre], volume: CTVolume, finder: KneeFinder, device: torch.device
) -> None:
    """Refuse knees whose patella is behind them: a prone patient who was entered as supine, or the reverse.

    The bones alone would then be measured, with left taken for right. Each joint is asked by itself: what is
    taken for a patella elsewhere, in another leg, a hip or an ankle, says nothing of it.
    """
    doubtful = [centre for centre in centres if _patella_in_front(coarse, centre) < _LEAST_PATELLA]
    if not doubtful:
        return
    turned = label_coarse(CTVolume(volume.hu, _HALF_TURN @ volume.affine), finder, coarse.step, device)
    for x, y, z in doubtful:
        about = (-x, -y, z)
        better = turned.certainty_near(about, _AROUND) > coarse.certainty_near((x, y, z), _AROUND)
        if better and _patella_in_front(turned, about) >= _LEAST_PATELLA:
            raise Refused(
                "side_unknown",
                "Left or right cannot be told: the patella lies behind the knee, as where the patient lay "
                "prone and was entered as supine, or the reverse. Correct Patient Position, Image Position "
                "and Image Orientation, and send the series again.",
            )


def _patella_in_front(coarse: Coarse, centre: Centre) -> float:
    """mm3 of patella in front of the middle of a joint."""
    near = coarse.points(PATELLA, centre, PATELLA_REACH)
    return float((near[:, 1] < centre[1]).sum()) * coarse.step**3
