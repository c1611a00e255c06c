"""What a destination does for a courier, over whichever protocol: store instances, say which it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctsma_node.deliver import find, storage
from ctsma_node.deliver.association import Peer


class Archive(Protocol):
    """A destination."""

    def store(
        self, instances: Sequence[storage.Outgoing], stop: Callable[[], bool]
    ) -> Iterator[storage.Answer]:
        """Send instances in their order and give one answer for each; when `stop` says so, the rest stays."""

    def held(self, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
        """SOP Instance UIDs it has of these series of a study; raises DeliveryError where it does not say."""


@dataclass(frozen=True)
class DicomArchive:
    """A destination that stores by C-STORE and answers C-FIND, here or under another AE title."""

    peer: Peer
    proof_peer: Peer

    def store(
        self, instances: Sequence[storage.Outgoing], stop: Callable[[], bool]
    ) -> Iterator[storage.Answer]:
        """As `Archive` says."""
        return storage.store(self.peer, instances, stop)

    def held(self, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
        """As `Archive` says."""
        return find.held(self.proof_peer, study_uid, series_uids)
