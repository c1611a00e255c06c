"""The Query SCU against scripted Query SCPs on real sockets: odd answers are read, and none does harm."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pynetdicom.events import Event
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind

from ctsma_node.deliver import Peer
from ctsma_node.query import CountAnswer, SeriesKey, count_instances
from ctsma_node.query.count import Told
from tests.fixtures.query_scp import PENDING, SUCCESS, QuerySCP, Response, Script, image, send_raw, series
from tests.fixtures.stalling_peer import StallingPeer, associate_ac, ends

KEY = SeriesKey("1.2.3", "1.2.3.4")
UID = KEY.series_uid
Start = Callable[..., QuerySCP]
COUNTED, LISTED, UNKNOWN, NO_ANSWER = Told


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[QuerySCP] = []

    def make(script: Script, **options: str) -> QuerySCP:
        started.append(QuerySCP(script, **options))
        return started[-1]

    yield make
    for scp in started:
        scp.close()


def peer(port: int, limit: float = 2.0) -> Peer:
    return Peer("127.0.0.1", port, "PACS", "CTSMA", limit, limit, limit, limit)


def ask(port: int, *keys: SeriesKey, deadline: float = 5.0) -> list[tuple[int | None, Told]]:
    answers = list(count_instances(peer(port), keys or (KEY,), deadline))
    assert [answer.key for answer in answers] == list(keys or (KEY,))
    assert all((answer.reason is None) == (answer.told is not NO_ANSWER) for answer in answers)
    return [(answer.instances, answer.told) for answer in answers]


def at_series_level(*responses: Response) -> Script:
    """These at SERIES level, three instances at IMAGE level."""

    def script(event: Event) -> Iterator[Response]:
        if event.identifier.QueryRetrieveLevel == "SERIES":
            yield from responses
            return
        yield from ((PENDING, image(UID, n)) for n in (1, 2, 3, 3))

    return script


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([(PENDING, series(UID, 40))], (40, COUNTED)),
        ([(0xFF01, series(UID, " 40 "))], (40, COUNTED)),  # pending, optional keys not supported
        ([(PENDING, series(UID, "+0040"))], (40, COUNTED)),
        ([(PENDING, series(UID, 2_000_000_000))], (2_000_000_000, COUNTED)),
        ([(PENDING, series(UID, 12)), (PENDING, series(UID, 40))], (40, COUNTED)),  # two archives behind it
        ([(PENDING, series("1.9", 7)), (PENDING, series(UID, 40))], (40, COUNTED)),  # matches too much
        ([(PENDING, series(UID, 40)), (0xB000, None)], (40, COUNTED)),
        ([], (None, UNKNOWN)),
        ([(PENDING, series("1.9", 40))], (None, UNKNOWN)),
        ([(PENDING, series(""))], (None, UNKNOWN)),
        ([(PENDING, series(UID))], (3, LISTED)),
        ([(PENDING, series(UID, 0))], (3, LISTED)),
        ([(PENDING, series(UID, -4))], (3, LISTED)),
        ([(PENDING, series(UID, "many"))], (3, LISTED)),
        ([(PENDING, series(UID, "40.5"))], (3, LISTED)),
        ([(PENDING, series(UID, "9" * 60))], (3, LISTED)),
        ([(0xA700, None)], (None, NO_ANSWER)),
        ([(PENDING, series(UID, 40)), (0xC001, None)], (None, NO_ANSWER)),
        ([(0xFE00, None)], (None, NO_ANSWER)),
        ([(0x0123, None)], (None, NO_ANSWER)),  # a status that nobody defined
    ],
)
def test_what_is_made_of_an_answer(
    start: Start, responses: list[Response], expected: tuple[int | None, Told]
) -> None:
    assert ask(start(at_series_level(*responses)).port) == [expected]


def test_nothing_but_uids_is_asked_with(start: Start) -> None:
    scp = start(at_series_level((PENDING, series(UID))))
    ask(scp.port)
    for question, level in zip(scp.asked, ("SERIES", "IMAGE"), strict=True):
        assert question.QueryRetrieveLevel == level
        filled = {each.keyword for each in question if each.value not in (None, "")}
        assert filled == {"QueryRetrieveLevel", "StudyInstanceUID", "SeriesInstanceUID"}
        assert (question.StudyInstanceUID, question.SeriesInstanceUID) == (KEY.study_uid, UID)
    assert set(scp.calling) == {"CTSMA"}


@pytest.mark.parametrize("identifier", [None, b"", b"\xff" * 9])
def test_a_pending_response_without_a_dataset_is_passed_over(start: Start, identifier: bytes | None) -> None:
    def script(event: Event) -> Iterator[Response]:
        send_raw(event, identifier)
        yield PENDING, series(UID, 40)

    assert ask(start(script).port) == [(40, COUNTED)]


def test_several_series_over_one_association_and_a_bad_answer_to_one(start: Start) -> None:
    def script(event: Event) -> Iterator[Response]:
        uid = str(event.identifier.SeriesInstanceUID)
        yield (0xA700, None) if uid == "1.5" else (PENDING, series(uid, uid.rpartition(".")[2]))

    keys = [SeriesKey("1", "1.4"), SeriesKey("1", "1.6"), SeriesKey("1", "1.5")]
    told = ask(start(script).port, *keys)
    assert told == [(4, COUNTED), (6, COUNTED), (None, NO_ANSWER)]


def test_responses_without_end_are_not_awaited(start: Start) -> None:
    def script(event: Event) -> Iterator[Response]:
        while not event.is_cancelled and event.assoc.is_established:
            yield PENDING, series("1.9", 7)

    began = time.monotonic()
    assert ask(start(script).port, deadline=0.5) == [(None, NO_ANSWER)]
    assert time.monotonic() - began < 10.0


def test_a_source_that_falls_silent_in_the_middle(start: Start) -> None:
    released = threading.Event()

    def script(_: Event) -> Iterator[Response]:
        yield PENDING, series(UID, 40)
        released.wait(20.0)

    scp = start(script)
    began = time.monotonic()
    ((instances, told),) = [(a.instances, a.told) for a in count_instances(peer(scp.port, 0.5), [KEY], 0.5)]
    released.set()
    assert (instances, told) == (None, NO_ANSWER)
    assert time.monotonic() - began < 10.0


def test_a_source_that_stops_in_the_middle_of_a_pdu() -> None:
    scp, said = StallingPeer((associate_ac(),), 0), list[CountAnswer]()
    try:
        assert ends(lambda: said.extend(count_instances(peer(scp.port, 0.5), [KEY], 0.5)))
    finally:
        scp.close()
    assert [(each.instances, each.told) for each in said] == [(None, NO_ANSWER)]


def test_an_association_that_the_source_aborts(start: Start) -> None:
    def script(event: Event) -> Iterator[Response]:
        event.assoc.abort()
        yield SUCCESS, None

    assert ask(start(script).port, KEY, KEY) == [(None, NO_ANSWER)] * 2


def test_a_source_without_the_study_root_model(start: Start) -> None:
    scp = start(lambda _: [], model=PatientRootQueryRetrieveInformationModelFind)
    assert ask(scp.port) == [(None, NO_ANSWER)]


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert ask(port, KEY, KEY) == [(None, NO_ANSWER)] * 2


def test_a_stop_ends_it_between_two_questions(start: Start) -> None:
    scp = start(at_series_level((PENDING, series(UID, 40))))
    answers = list(count_instances(peer(scp.port), [KEY] * 3, 5.0, stop=lambda: bool(scp.asked)))
    assert len(answers) == 1
