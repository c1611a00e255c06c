"""C-STORE response statuses, as data: what each one means for the instance that was sent.

Sources: PS3.4 table B.2-1 (Storage Service Class) and PS3.7 annex C (statuses common to DIMSE services).
Closing an association says nothing about delivery (PS3.4 B.4): the status of each instance does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a status means for the delivery of one instance."""

    DELIVERED = "delivered"  # the peer has taken responsibility for the instance
    TRANSIENT = "transient"  # the same instance may be accepted later
    PERMANENT = "permanent"  # the same instance would be refused again


@dataclass(frozen=True)
class StatusMeaning:
    """One row of the table: statuses from `first` to `last`, both included."""

    first: int
    last: int
    outcome: Outcome
    text: str
    clause: str


_STORAGE, _DIMSE = "PS3.4 B.2.3", "PS3.7 C"

STATUSES: tuple[StatusMeaning, ...] = (
    StatusMeaning(0x0000, 0x0000, Outcome.DELIVERED, "stored", _STORAGE),
    StatusMeaning(0x0001, 0x0001, Outcome.DELIVERED, "stored, with a warning", _DIMSE),
    StatusMeaning(0x0107, 0x0107, Outcome.DELIVERED, "stored, with a warning of attributes", _DIMSE),
    StatusMeaning(0x0110, 0x0110, Outcome.TRANSIENT, "processing failure", _DIMSE),
    StatusMeaning(0x0111, 0x0111, Outcome.DELIVERED, "the peer holds the instance already", _DIMSE),
    StatusMeaning(0x0116, 0x0116, Outcome.DELIVERED, "stored, with a warning of a value", _DIMSE),
    StatusMeaning(0x0117, 0x0117, Outcome.PERMANENT, "invalid SOP instance UID", _DIMSE),
    StatusMeaning(0x0122, 0x0122, Outcome.PERMANENT, "SOP class not supported", _DIMSE),
    StatusMeaning(0x0124, 0x0124, Outcome.PERMANENT, "not authorised", _DIMSE),
    StatusMeaning(0x0210, 0x0210, Outcome.TRANSIENT, "duplicate invocation", _DIMSE),
    StatusMeaning(0x0211, 0x0211, Outcome.PERMANENT, "unrecognised operation", _DIMSE),
    StatusMeaning(0x0212, 0x0212, Outcome.PERMANENT, "mistyped argument", _DIMSE),
    StatusMeaning(0x0213, 0x0213, Outcome.TRANSIENT, "resource limitation", _DIMSE),
    StatusMeaning(0xA700, 0xA7FF, Outcome.TRANSIENT, "out of resources", _STORAGE),
    StatusMeaning(0xA900, 0xA9FF, Outcome.PERMANENT, "data set does not match SOP class", _STORAGE),
    StatusMeaning(0xB000, 0xB000, Outcome.DELIVERED, "stored, data elements coerced", _STORAGE),
    StatusMeaning(0xB001, 0xB005, Outcome.DELIVERED, "stored, with a warning", _DIMSE),
    StatusMeaning(0xB006, 0xB006, Outcome.DELIVERED, "stored, elements discarded", _STORAGE),
    StatusMeaning(0xB007, 0xB007, Outcome.DELIVERED, "stored, data set does not match SOP class", _STORAGE),
    StatusMeaning(0xB008, 0xBFFF, Outcome.DELIVERED, "stored, with a warning", _DIMSE),
    StatusMeaning(0xC000, 0xCFFF, Outcome.PERMANENT, "cannot understand", _STORAGE),
)


def classify(status: int) -> StatusMeaning:
    """The row of STATUSES that `status` falls into.

    A status outside the table promises nothing, neither that the instance is stored nor that it never will
    be: it is tried again, and the schedule's horizon ends it.
    """
    for row in STATUSES:
        if row.first <= status <= row.last:
            return row
    return StatusMeaning(status, status, Outcome.TRANSIENT, "status not in the standard's tables", _DIMSE)
