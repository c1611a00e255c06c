"""Query SCU: asks a source what it holds (PS3.4 annex C). UIDs go out, numbers come in, nothing else."""

from ctsma_node.query.count import CountAnswer, SeriesKey, count_instances

__all__ = ["CountAnswer", "SeriesKey", "count_instances"]
