"""What the source's count of a series is worth, and when to ask for it.

A count is the truth only once the source itself has received everything: a PACS that forwards while the
scanner still sends counts what it has by now. So a count that is reached must also have stood still. An early
answer that is reached at last has: it is asked for with the first instances and again when it is reached.
"""

from __future__ import annotations

from ctsma_node.records import SourceCount

STANDING_S = 0.5
"""Least time for which equal answers must have been given."""
GAPS = 3.0
"""The same, as a multiple of the longest gap between two instances so far: a source that is fed slowly makes
pauses, and one of them is not the end."""
FEW_FRAMES, FEW_STANDING_S = 30, 5.0
"""Least time for a series that has fewer frames than these: hardly anything is known of its pace, and it is
more likely the beginning of a series than a knee."""
PAUSE_S = 0.1
"""A series is in full flow while instances follow one another faster than this; asking would be in vain."""
APART_S = 0.5
"""Least time between two questions about a series."""
UNREACHED_S = 10.0
"""Between two questions while instances are still missing: the source may have lost or merged some."""
LONGEST_BACKOFF_S = 60.0


def standing_s(largest_gap_s: float, n_frames: int, longest_s: float) -> float:
    """Seconds for which answers must have been equal: max(least, GAPS * gap), at most `longest_s`.

    The least is STANDING_S, or FEW_STANDING_S while there are fewer than FEW_FRAMES.
    """
    least = STANDING_S if n_frames >= FEW_FRAMES else FEW_STANDING_S
    return min(longest_s, max(least, GAPS * largest_gap_s))


def is_confirmed(
    count: SourceCount | None, n_instances: int, last_instance_at: float, standing: float
) -> bool:
    """Whether the source has said that nothing more will come.

    Its latest answer was asked for after the last instance came, is reached, and had been the same for
    `standing` seconds (0 where the geometry of what came speaks for it as well).
    """
    if count is None or count.instances is None or count.since is None:
        return False
    fresh = count.asked_at >= last_instance_at
    return fresh and n_instances >= count.instances and count.asked_at - count.since >= standing


def may_grow(count: SourceCount | None, n_instances: int) -> bool:
    """Whether the source holds more than has come: then no geometry tells that a series is whole."""
    return count is not None and count.instances is not None and n_instances < count.instances


def next_question(
    count: SourceCount | None, n_instances: int, last_instance_at: float, standing: float
) -> float:
    """When to ask (again) about a series that is still open, in seconds since the epoch.

    The question that got no number is asked again after 1, 2, 4, ... seconds, at most LONGEST_BACKOFF_S.
    """
    if count is None:
        return 0.0
    if count.instances is None or count.since is None:
        return count.asked_at + min(2.0 ** min(count.failures - 1, 16), LONGEST_BACKOFF_S)
    if n_instances < count.instances:
        return count.asked_at + UNREACHED_S
    if count.asked_at < last_instance_at:
        return max(last_instance_at + PAUSE_S, count.asked_at + APART_S)
    return max(count.since + standing, count.asked_at + APART_S)
