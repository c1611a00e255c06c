"""What the pages show, read from the ledgers at each request: values for the templates, no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ctsma_node.config import AnyDestination, Settings
from ctsma_node.ledger.asked import can_be_cancelled, can_be_resent, state_when_requeued
from ctsma_node.ledger.case_rows import CaseQueries
from ctsma_node.ledger.inbox_purge import PurgeQueries
from ctsma_node.records import (
    END_STATES,
    Case,
    Delivery,
    DeliveryState,
    Event,
    ResultObject,
    SeriesState,
    SourceCount,
)
from ctsma_node.web.observe import Observed
from ctsma_node.web.pictures import DRAWN, content_label
from ctsma_node.web.timeline import Stay, stages, stays
from ctsma_node.web.words import kind

PAGE = 50
"""Cases on one page of the queue."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue."""

    case: Case
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """The cases of one page, latest first; `older` is where the next page begins, None on the last."""

    rows: tuple[Row, ...]
    state: SeriesState | None  # only these are shown
    older: int | None


@dataclass(frozen=True, slots=True)
class Way:
    """What became of a case's objects at one destination."""

    destination: str
    counts: dict[DeliveryState, int]
    attempts: int  # of the object that was tried most often
    due_at: float | None  # when the first of those that wait is sent
    status: int | None
    text: str | None  # the last thing that stood in the way


@dataclass(frozen=True, slots=True)
class Drawn:
    """An object with a thumbnail; `number` is its place in the set, from 0."""

    number: int
    result: ResultObject
    title: str


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything of one case. `last_event` goes with what is asked: it says which history was seen."""

    case: Case
    stays: tuple[Stay, ...]
    stages: tuple[tuple[str, float], ...]  # of the analysis, with the seconds that each took
    events: tuple[Event, ...]
    ways: tuple[Way, ...]
    results: tuple[ResultObject, ...]
    drawn: tuple[Drawn, ...]
    turnaround: float | None  # seconds from the last instance until it first ended so; None where it has not
    revisions: tuple[Case, ...]
    source_count: SourceCount | None
    requeued_to: SeriesState | None
    purged: int  # instances of the series that retention has removed
    can_be_resent: bool
    can_be_cancelled: bool
    last_event: int


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """How a destination does, over all cases."""

    settings: AnyDestination
    counts: dict[DeliveryState, int]
    last_success: float | None
    failing_since: float | None
    unproven_since: float | None
    paused_since: float | None


def queue(cases: CaseQueries, now: float, state: SeriesState | None, before: int | None) -> Queue:
    """One page of the queue: the cases with a number below `before`, or the latest."""
    states = tuple(SeriesState) if state is None else (state,)
    found = cases.latest(PAGE + 1, before, *states)
    rows = tuple(Row(case, stays(cases.events(case.id), now)) for case in found[:PAGE])
    return Queue(rows, state, rows[-1].case.id if len(found) > PAGE else None)


def case_page(cases: CaseQueries, inbox: PurgeQueries, outbox: Path, case_id: int, now: float) -> CasePage:
    """One case; raises LedgerError when there is none."""
    case, events, results = cases.get(case_id), cases.events(case_id), cases.results(case_id)
    purged = inbox.purged_count(case.series_uid)
    return CasePage(
        case=case,
        stays=stays(events, now),
        stages=stages(events),
        events=tuple(events),
        ways=ways(cases.deliveries(case_id)),
        results=tuple(results),
        drawn=tuple(_drawn(outbox, n, each) for n, each in enumerate(results) if each.sop_class_uid in DRAWN),
        turnaround=_turnaround(case, events),
        revisions=tuple(cases.by_series(case.series_uid)),
        source_count=cases.source_count(case.series_uid),
        requeued_to=state_when_requeued(cases, case, purged),
        purged=purged,
        can_be_resent=can_be_resent(cases, case),
        can_be_cancelled=can_be_cancelled(case),
        last_event=events[-1].id,
    )


def _turnaround(case: Case, events: Sequence[Event]) -> float | None:
    if case.state not in END_STATES:
        return None
    return next(each.at for each in events if each.to_state is case.state) - case.last_instance_at


def _drawn(outbox: Path, number: int, result: ResultObject) -> Drawn:
    words = (kind(result.kind), content_label(outbox / result.path), _SIDES.get(result.side or ""))
    return Drawn(number, result, ", ".join(filter(None, words)))


_SIDES = {"L": "left knee", "R": "right knee"}


def ways(deliveries: Sequence[Delivery]) -> tuple[Way, ...]:
    """The deliveries of a case by destination."""
    return tuple(
        _way(name, [each for each in deliveries if each.destination == name])
        for name in dict.fromkeys(each.destination for each in deliveries)
    )


def _way(name: str, rows: Sequence[Delivery]) -> Way:
    trouble = next((each for each in rows if each.state is not DeliveryState.DELIVERED and each.text), None)
    return Way(
        destination=name,
        counts=dict(Counter(each.state for each in rows)),
        attempts=max(each.attempts for each in rows),
        due_at=min((each.due_at for each in rows if each.due_at is not None), default=None),
        status=None if trouble is None else trouble.status,
        text=None if trouble is None else trouble.text,
    )


def ports(settings: Settings) -> tuple[str, ...]:
    """Where the receiver listens; the port without TLS stays closed where TLS is required."""
    plain = f"{settings.node.bind}:{settings.node.port}"
    if not settings.tls.enabled:
        return (plain,)
    secure = f"{settings.node.bind}:{settings.tls.port} over TLS"
    return (secure,) if settings.tls.required else (secure, plain)


def destinations(
    settings: Settings, seen: Observed, counts: dict[tuple[str, DeliveryState], int]
) -> tuple[DestinationRow, ...]:
    """The configured destinations, in the order of the settings."""
    rows = []
    for each in settings.destinations:
        standing = seen.standings[each.name]
        mine = {state: n for (name, state), n in counts.items() if name == each.name}
        last = None if standing is None else standing.last_success
        paused_since = seen.paused.get(each.name)
        unproven_since = None if standing is None else standing.unproven_since
        failing_since = seen.failing_since[each.name]
        rows.append(DestinationRow(each, mine, last, failing_since, unproven_since, paused_since))
    return tuple(rows)
