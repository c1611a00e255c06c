"""How long to wait for a sender, learned from how it sent before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

FEWEST_SERIES = 5
"""Series of a sender that must have been seen before it is trusted to be quick."""
SERIES_KEPT = 50
"""Series whose gaps are remembered of each sender: a sender that became slower or quicker is known soon."""
SHARE = 0.95
"""Share of a sender's series whose largest gap the learned one is not smaller than."""
SAFETY = 3.0
"""How many times as long as that gap a sender is waited for."""
SENT_ANEW_S = 3600.0
"""A longer gap is no pause of a sender: somebody sent the series once more."""


def largest_gap(received_at: Sequence[float]) -> float:
    """Longest time in seconds between two instances of a series in the order of their arrival; 0 for one."""
    gaps = (later - earlier for earlier, later in pairwise(sorted(received_at)))
    return max((gap for gap in gaps if gap <= SENT_ANEW_S), default=0.0)


def learned_quiet_s(largest_gaps: Sequence[float], least_s: float, longest_s: float) -> float:
    """Seconds of quiet after which a series of this sender counts as complete, whatever it looks like.

        min(longest_s, max(least_s, SAFETY * g))

    with g the SHARE quantile (an observed value, not one between two) of the largest gaps within each of the
    sender's last SERIES_KEPT series; `longest_s` while fewer than FEWEST_SERIES are known. A gap that was cut
    by too short a wait is seen too, for its late instance came in.
    Worked example, 3 to 30 s: 20 series without a pause above 0.2 s give 3 s; had two of them paused for 4 s,
    12 s; for 12 s, 30 s.
    """
    if len(largest_gaps) < FEWEST_SERIES:
        return longest_s
    ranked = sorted(largest_gaps)
    gap = ranked[math.ceil(SHARE * len(ranked)) - 1]
    return min(longest_s, max(least_s, SAFETY * gap))
