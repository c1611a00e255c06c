"""Which instances a peer holds, asked at IMAGE level (PS3.4 annex C)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ctsma_node.deliver.association import Peer, leave, open_association
from ctsma_node.deliver.c_find import find_contexts, instance_query, matches


def held(peer: Peer, study_uid: str, series_uids: Sequence[str]) -> frozenset[str]:
    """SOP Instance UIDs that the peer has of these series of a study.

    One question for each series and not one for each instance: a list of UIDs is matched by some peers and
    not by others. What a peer returns of other series still is what it has.
    Raises AssociationError, ContextsError, and Unanswered where the peer fails or does not come to an end
    within the time for one DIMSE message.
    """
    assoc = open_association(peer, find_contexts())
    try:
        found = (
            str(identifier.get("SOPInstanceUID") or "").strip(" \0")
            for series_uid in series_uids
            for identifier in matches(
                assoc, instance_query(study_uid, series_uid), time.monotonic() + peer.dimse_s
            )
        )
        return frozenset(found) - {""}
    finally:
        leave(assoc)
