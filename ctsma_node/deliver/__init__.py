"""Takes instances that lie on disk to a destination, says how each ended, and asks whether it is there."""

from __future__ import annotations

from ctsma_node.deliver.archive import Archive, DicomArchive
from ctsma_node.deliver.association import DeliveryError, Peer
from ctsma_node.deliver.commitment import Verdict
from ctsma_node.deliver.dicomweb import WebArchive
from ctsma_node.deliver.http import WebPeer
from ctsma_node.deliver.order import in_reference_order
from ctsma_node.deliver.schedule import RetrySchedule
from ctsma_node.deliver.status import Outcome, StatusMeaning, classify
from ctsma_node.deliver.storage import Answer, Outgoing, echo, read_outgoing, store

__all__ = [
    "Answer",
    "Archive",
    "DeliveryError",
    "DicomArchive",
    "Outcome",
    "Outgoing",
    "Peer",
    "RetrySchedule",
    "StatusMeaning",
    "Verdict",
    "WebArchive",
    "WebPeer",
    "classify",
    "echo",
    "in_reference_order",
    "read_outgoing",
    "store",
]
