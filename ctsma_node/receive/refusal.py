"""Why an instance is not stored, and the C-STORE status that says so (PS3.4 table B.2-1)."""

from __future__ import annotations

from dataclasses import dataclass

from ctsma_node.errors import NodeError


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than success; `comment` is the Error Comment (0000,0902), at most 64 characters."""

    status: int
    code: str  # stable, snake_case: in the log and in the quarantine
    comment: str


OUT_OF_RESOURCES = Refusal(0xA700, "out_of_resources", "The node cannot store at present; send again later.")
MISMATCH = Refusal(0xA900, "sop_class_mismatch", "The dataset does not match the request or its context.")
UNREADABLE = Refusal(0xC000, "unreadable_dataset", "The dataset cannot be read.")
INVALID_UID = Refusal(0xC001, "invalid_uid", "A UID is missing or not valid.")
NO_PIXELS = Refusal(0xC002, "no_pixel_data", "The dataset ends before its pixel data.")
TRUNCATED = Refusal(0xC003, "truncated_pixel_data", "The pixel data are shorter than the header says.")

ALL: tuple[Refusal, ...] = (OUT_OF_RESOURCES, MISMATCH, UNREADABLE, INVALID_UID, NO_PIXELS, TRUNCATED)
"""Every refusal, for the conformance statement."""


class Unfit(NodeError):
    """The dataset is not stored; its bytes are kept in quarantine."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
