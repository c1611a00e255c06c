"""Whether a series is complete: by its source's count, by its geometry, by quiet; pure, opens no file."""

from ctsma_node.completion.count import is_confirmed, may_grow, next_question, standing_s
from ctsma_node.completion.geometry import InstanceGeometry, geometry_complete
from ctsma_node.completion.pace import largest_gap, learned_quiet_s

__all__ = [
    "InstanceGeometry",
    "geometry_complete",
    "is_confirmed",
    "largest_gap",
    "learned_quiet_s",
    "may_grow",
    "next_question",
    "standing_s",
]
