"""When every delivery of a case has ended, so has the case; how, its deliveries say."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ctsma_node import log
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Delivery, DeliveryState, SeriesState


class Ending:
    """Moves reported cases to their end. Couriers call it from their threads; one at a time decides."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._lock = threading.Lock()

    def settle_ended(self) -> None:
        """End every case that has ended: the disk may have been full for the one write that says so."""
        for case_id in self._cases.ended():
            self.settle(case_id)

    def settle(self, case_id: int) -> None:
        """End a reported case whose deliveries have all ended; a case without any stays reported."""
        with self._lock:
            case, deliveries = self._cases.get(case_id), self._cases.deliveries(case_id)
            if case.state is not SeriesState.REPORTED or not deliveries:
                return
            if any(each.state.is_open for each in deliveries):
                return
            state, code, reason = outcome(deliveries)
            self._cases.move(case_id, state, code=code, reason=reason)
            log.logger.info(
                "case.ended",
                series=case.series_uid,
                case=case_id,
                revision=case.revision,
                from_state=case.state.value,
                to_state=state.value,
                code=code,
                n_objects=sum(each.state is DeliveryState.DELIVERED for each in deliveries),
            )


def outcome(deliveries: Sequence[Delivery]) -> tuple[SeriesState, str | None, str | None]:
    """State, code and sentence for deliveries that have all ended.

    Failed is a case of which some destination holds nothing; one that refused a part of the set, as archives
    do that know no Parametric Map, has been delivered, and the code says that it was in part.
    """
    lost = [each for each in deliveries if each.state is not DeliveryState.DELIVERED]
    if not lost:
        return SeriesState.DELIVERED, None, None
    reached = {each.destination for each in deliveries if each.state is DeliveryState.DELIVERED}
    empty = sorted({each.destination for each in lost} - reached)
    if empty:
        first = next(each for each in lost if each.destination == empty[0])
        return SeriesState.FAILED, "not_delivered", f"{', '.join(empty)} holds nothing of it: {first.text}."
    kinds = ", ".join(sorted({each.kind for each in lost}))
    where = ", ".join(sorted({each.destination for each in lost}))
    reason = f"{len(lost)} of {len(deliveries)} objects were not stored ({kinds}; {where}): {lost[0].text}."
    return SeriesState.DELIVERED, "partly_delivered", reason
