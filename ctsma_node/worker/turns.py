"""Whose turn it is: one case after another, or several accepted first where they are analysed together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ctsma_node.records import Case, SeriesState


def next_case(waiting: Sequence[Case], at_hand: Collection[int], gathers: bool) -> Case | None:
    """The next of the cases that wait for a step, oldest first; None where none waits.

    A case whose volume is in memory (`at_hand`) goes before others; with `gathers` further ones are accepted
    before the first at hand is analysed. What has not come in yet is not waited for.
    """
    if gathers and at_hand:
        fresh = [each for each in waiting if each.state is SeriesState.STABLE and each.id not in at_hand]
        if fresh:
            return min(fresh, key=lambda case: case.id)
    return min(waiting, key=lambda case: (case.id not in at_hand, case.id), default=None)
