"""What the two ledgers hold, as frozen records, and the moves a series may make.

Times are seconds since the epoch in UTC (`time.time()`): they outlive the process that wrote them.
UIDs are strings that were validated before they were stored. No record holds patient data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class SeriesState(StrEnum):
    """Where one revision of a series stands."""

    RECEIVING = "receiving"  # instances arrive
    STABLE = "stable"  # complete by count, geometry or quiet time; its instances are fixed
    ACCEPTED = "accepted"  # passed the gate
    ANALYSED = "analysed"  # a result exists
    REPORTED = "reported"  # the objects are on disk and a delivery is due for each
    DELIVERED = "delivered"  # every delivery has ended (end)
    REFUSED = "refused"  # not fit for analysis, with a code (end)
    FAILED = "failed"  # given up after N attempts, with a code (end)


TRANSITIONS: dict[SeriesState, frozenset[SeriesState]] = {
    SeriesState.RECEIVING: frozenset({SeriesState.STABLE}),
    SeriesState.STABLE: frozenset({SeriesState.ACCEPTED, SeriesState.REFUSED, SeriesState.FAILED}),
    SeriesState.ACCEPTED: frozenset({SeriesState.ANALYSED, SeriesState.REFUSED, SeriesState.FAILED}),
    SeriesState.ANALYSED: frozenset({SeriesState.REPORTED, SeriesState.REFUSED, SeriesState.FAILED}),
    SeriesState.REPORTED: frozenset({SeriesState.DELIVERED, SeriesState.FAILED}),
    SeriesState.DELIVERED: frozenset(),
    SeriesState.REFUSED: frozenset(),
    SeriesState.FAILED: frozenset(),
}
"""The only moves there are; the database holds the same table and checks it again."""

REOPENINGS: dict[SeriesState, frozenset[SeriesState]] = {
    SeriesState.REFUSED: frozenset({SeriesState.STABLE, SeriesState.ACCEPTED, SeriesState.ANALYSED}),
    SeriesState.FAILED: frozenset(
        {SeriesState.STABLE, SeriesState.ACCEPTED, SeriesState.ANALYSED, SeriesState.REPORTED}
    ),
    SeriesState.DELIVERED: frozenset({SeriesState.REPORTED}),
}
"""Moves out of an end, back to the state that it was reached from: only where a person asks for them."""

END_STATES = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""States that nothing leaves by itself."""


NOTE = "not_analysed"
"""Kind of the object that says of a series, or of one of its knees, that it was not analysed, and why."""

REFUSED_KNEES = "refused_knees"
"""Fact of the move to `analysed`: the codes of the knees beside the measured ones, joined by spaces."""


class DeliveryState(StrEnum):
    """Where one instance stands on its way to one destination."""

    PENDING = "pending"  # to be sent at `due_at`
    SENT = "sent"  # the peer answered that it stored it; the proof is asked for at `due_at`
    DELIVERED = "delivered"  # there, by the proof that its destination is set to (end)
    REJECTED = "rejected"  # the peer's answer is permanent (end)
    FAILED = "failed"  # given up after the retry horizon (end)

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self in (DeliveryState.PENDING, DeliveryState.SENT)


@dataclass(frozen=True, slots=True)
class Association:
    """An association that a source opened with this node."""

    id: str  # random, hexadecimal; the log's scope
    calling_ae: str  # calling AE title, stripped
    address: str  # the peer's IP address
    opened_at: float
    closed_at: float | None = None  # None while it is open


@dataclass(frozen=True, slots=True)
class ImageGeometry:
    """What an instance's header says about its place in space, for judging completeness unopened."""

    rows: int | None  # (0028,0010)
    columns: int | None  # (0028,0011)
    number_of_frames: int  # (0028,0008), 1 when absent
    position: tuple[float, float, float] | None  # (0020,0032), LPS mm
    orientation: tuple[float, float, float, float, float, float] | None  # (0020,0037), row then column
    modality: str | None  # (0008,0060), a code string of at most 16 characters


@dataclass(frozen=True, slots=True)
class Received:
    """An instance as it came over the network, before it has a row."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    series_uid: str
    study_uid: str
    association_id: str | None  # None for a file adopted at start
    calling_ae: str
    address: str
    received_at: float
    path: str  # relative to the spool folder
    size: int  # bytes of the dataset without preamble and file meta
    sha256: str  # of those bytes, hexadecimal
    geometry: ImageGeometry


@dataclass(frozen=True, slots=True)
class Instance:
    """A row of the inbox: one acknowledged instance whose file is in the spool."""

    rowid: int  # grows with every instance; the worker's cursor
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    series_uid: str
    study_uid: str
    association_id: str | None  # None for a file adopted at start
    calling_ae: str
    address: str
    received_at: float
    path: str  # relative to the spool folder
    size: int  # bytes of the dataset without preamble and file meta
    sha256: str  # of those bytes, hexadecimal
    rows: int | None
    columns: int | None
    number_of_frames: int
    position: tuple[float, float, float] | None  # LPS mm
    orientation: tuple[float, float, float, float, float, float] | None
    modality: str | None
    missing_at: float | None  # when the file was first found to be gone; None while it is there
    purged_at: float | None = None  # when retention removed the file; None while it is to be kept


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes that reached the node and could not become an instance; nothing is thrown away."""

    received_at: float
    code: str  # stable, snake_case: why it is here
    association_id: str | None
    calling_ae: str
    address: str
    sop_instance_uid: str | None  # None when it is not a valid UID
    transfer_syntax: str | None
    path: str  # relative to the quarantine folder
    size: int
    sha256: str
    purged_at: float | None = None  # when retention removed the file; None while it is to be kept


@dataclass(frozen=True, slots=True)
class KeptSeries:
    """A series whose files are in the spool, as retention sees it."""

    uid: str
    n_instances: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class PurgedFile:
    """A file that retention removes."""

    path: str  # relative to the spool, quarantine or outbox folder
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class PurgeableResult:
    """An object in the outbox that every destination has."""

    id: int
    path: str  # relative to the outbox folder
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One revision of a series: the unit of work. Its instances are the series' first `n_instances`."""

    id: int
    series_uid: str
    study_uid: str
    revision: int  # 1, 2, ...
    predecessor: int | None  # case id of the revision before
    state: SeriesState
    code: str | None  # why refused or failed, or why the last attempt was released
    reason: str | None  # the sentence to that code
    attempts: int  # claims since the last move
    running: bool  # claimed and not yet moved or released
    created_at: float
    updated_at: float
    last_instance_at: float
    n_instances: int  # fixed once the case has left `receiving`
    calling_ae: str
    due_at: float | None  # the timer, None when none is set
    instances_digest: str | None  # sha256 over the sorted (SOP instance UID, sha256) of its instances
    completed_by: str | None  # count, geometry or quiet; None while it is receiving


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What a source said how many instances a series has."""

    series_uid: str
    instances: int | None  # the latest answer; None when it was no number
    since: float | None  # when the first of the equal answers up to the latest was asked for
    asked_at: float  # when the latest was
    failures: int  # questions without a number since the last number
    told: str  # how the latest question ended


@dataclass(frozen=True, slots=True)
class ResultObject:
    """A DICOM object the node made, on disk in the outbox."""

    sop_instance_uid: str
    sop_class_uid: str
    series_uid: str
    kind: str  # as in the destinations' `objects`
    side: str | None  # "L", "R", or None for an object about the whole series
    path: str  # relative to the outbox folder
    size: int  # bytes of the file
    sha256: str  # of the file
    transfer_syntax: str = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result object on its way to one destination."""

    id: int
    case_id: int
    destination: str  # name in the settings
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    kind: str
    path: str  # relative to the outbox folder
    state: DeliveryState
    attempts: int  # sends that ended, well or badly
    created_at: float
    due_at: float | None  # None when it has ended
    status: int | None  # DIMSE status of the last answer; None when there was none
    text: str | None  # the last error as a sentence
    series_uid: str = ""
    study_uid: str = ""
    asked: int = 0  # proofs asked for since it was last sent
    sent_at: float | None = None  # when the peer last answered that it stored it
    held_s: float = 0.0  # how long pauses of the destination have held it up

    @property
    def horizon_from(self) -> float:
        """When the retry horizon began: it stands still while the destination is paused."""
        return self.created_at + self.held_s


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What a peer says of a Storage Commitment request (PS3.4 J.3.3)."""

    transaction_uid: str
    committed: frozenset[str]  # SOP Instance UIDs the peer is responsible for from now on
    failed: Mapping[str, int]  # SOP Instance UID -> Failure Reason (0008,1197), PS3.3 C.14.1.1


@dataclass(frozen=True, slots=True)
class DestinationCounts:
    """How the deliveries to one destination stand."""

    name: str
    pending: int
    sent: int  # stored by the peer's answer, the proof still to come
    delivered: int  # proven
    rejected: int
    failed: int
    paused_since: float | None  # None when it is not paused
    answered_at: float | None  # when a delivery was last tried or proven
    status: int | None  # and how that ended
    text: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a case's history; never changed, never deleted."""

    id: int
    case_id: int
    at: float
    action: str  # opened, claimed, moved, released, requeued
    from_state: SeriesState | None
    to_state: SeriesState
    code: str | None
    reason: str | None
    facts: dict[str, str | int | float | bool | None]


class Destination(Protocol):
    """What the ledger needs to know of a destination: its name and the kinds of object it takes."""

    @property
    def name(self) -> str:
        """Name in the settings."""

    @property
    def objects(self) -> Collection[str]:
        """Kinds of result object that go there."""
