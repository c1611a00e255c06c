"""Storage SCU: takes instances that lie on disk to a destination and says, for each, how it ended."""

from __future__ import annotations

from ctsma_node.deliver.association import Peer
from ctsma_node.deliver.order import in_reference_order
from ctsma_node.deliver.schedule import RetrySchedule
from ctsma_node.deliver.status import Outcome, StatusMeaning, classify
from ctsma_node.deliver.storage import Answer, Outgoing, echo, read_outgoing, store

__all__ = [
    "Answer",
    "Outcome",
    "Outgoing",
    "Peer",
    "RetrySchedule",
    "StatusMeaning",
    "classify",
    "echo",
    "in_reference_order",
    "read_outgoing",
    "store",
]
