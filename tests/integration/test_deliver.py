"""The Storage SCU against scripted storage SCPs on real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ParametricMapStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    generate_uid,
)
from pynetdicom import AE, acse, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from ctsma_node.deliver import Answer, Outcome, Outgoing, Peer, echo, read_outgoing, store
from ctsma_node.deliver.association import open_association, proposed_contexts
from tests.fixtures.stalling_peer import StallingPeer, associate_ac, endless, ends, store_rsp

Answering = Callable[[Event], int]
NATIVE: list[str] = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


class StorageSCP:
    """A peer that keeps what it is sent and answers what it is told to."""

    def __init__(self, supports: dict[str, list[str]], answer: Answering, require_called: str = "") -> None:
        self.received: list[tuple[str, str, bytes]] = []
        self.associations = 0
        self._answer = answer
        ae = AE(ae_title="PACS")
        ae.require_called_aet = bool(require_called)
        for sop_class, syntaxes in supports.items():
            ae.add_supported_context(sop_class, syntaxes)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]

    def _accepted(self, _: Event) -> None:
        self.associations += 1

    def _store(self, event: Event) -> int:
        status = self._answer(event)
        syntax = str(event.context.transfer_syntax)
        self.received.append((event.request.AffectedSOPInstanceUID, syntax, event.encoded_dataset(False)))
        return status

    def close(self) -> None:
        if self._server in self._server.ae._servers:
            self._server.shutdown()


@pytest.fixture
def scp() -> Iterator[Callable[..., StorageSCP]]:
    peers: list[StorageSCP] = []

    def start(
        supports: dict[str, list[str]] | None = None,
        answer: Answering = lambda _: 0x0000,
        require_called: str = "",
    ) -> StorageSCP:
        default: dict[str, list[str]] = {
            CTImageStorage: NATIVE,
            SegmentationStorage: NATIVE,
            Verification: NATIVE,
        }
        peers.append(StorageSCP(default if supports is None else supports, answer, require_called))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


def peer_at(port: int, **limits: Any) -> Peer:
    return Peer("127.0.0.1", port, "PACS", "CTSMA", **limits)


def instance(folder: Path, sop_class: str = CTImageStorage, syntax: str = ExplicitVRLittleEndian) -> Outgoing:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, generate_uid()
    ds.PatientName, ds.Rows, ds.Columns = "TEST", 2, 2
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    FileDataset(path, ds, file_meta=ds.file_meta, preamble=b"\0" * 128).save_as(
        path, enforce_file_format=True
    )
    return read_outgoing(path)


def outcomes(answers: Sequence[Answer]) -> list[str]:
    return [answer.outcome.value for answer in answers]


def test_a_set_goes_over_one_association_in_order_and_byte_for_byte(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    pacs = scp()
    sent = [instance(tmp_path) for _ in range(3)] + [instance(tmp_path, SegmentationStorage)]
    answers = list(store(peer_at(pacs.port), sent))
    assert [(a.status, a.outcome) for a in answers] == [(0, Outcome.DELIVERED)] * 4
    assert [uid for uid, _, _ in pacs.received] == [each.sop_instance_uid for each in sent]
    assert pacs.associations == 1
    for each, (_, syntax, encoded) in zip(sent, pacs.received, strict=True):
        assert syntax == ExplicitVRLittleEndian
        assert each.path.read_bytes().endswith(encoded)


def test_implicit_vr_is_the_fallback(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    pacs = scp({CTImageStorage: [ImplicitVRLittleEndian]})
    sent = instance(tmp_path)
    assert outcomes(list(store(peer_at(pacs.port), [sent]))) == ["delivered"]
    uid, syntax, encoded = pacs.received[0]
    assert (uid, syntax) == (sent.sop_instance_uid, ImplicitVRLittleEndian)
    assert dcmread(sent.path).PatientName == "TEST"
    assert b"TEST" in encoded
    assert b"PN" not in encoded


def test_what_the_peer_does_not_store_ends_and_the_rest_arrives(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    pacs = scp({CTImageStorage: NATIVE})
    sent = [
        instance(tmp_path, SegmentationStorage),
        instance(tmp_path),
        instance(tmp_path, syntax=RLELossless),
    ]
    answers = list(store(peer_at(pacs.port), sent))
    assert outcomes(answers) == ["permanent", "delivered", "permanent"]
    assert "presentation context" in answers[0].text


def test_a_peer_that_accepts_nothing_is_an_end_not_an_outage(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    pacs = scp({Verification: NATIVE})
    answers = list(store(peer_at(pacs.port), [instance(tmp_path)]))
    assert outcomes(answers) == ["permanent"]


@pytest.mark.parametrize(
    ("result", "outcome"), [(1, "transient"), (2, "transient"), (3, "permanent"), (4, "permanent")]
)
def test_contexts_that_are_rejected_without_a_word_on_the_class_are_asked_for_again(
    tmp_path: Path, scp: Callable[..., StorageSCP], monkeypatch: pytest.MonkeyPatch, result: int, outcome: str
) -> None:
    negotiate = acse.negotiate_as_acceptor

    def reject(*args: Any, **named: Any) -> Any:
        contexts, roles = negotiate(*args, **named)
        for context in contexts:
            context.result = result
        return contexts, roles

    monkeypatch.setattr(acse, "negotiate_as_acceptor", reject)
    assert outcomes(list(store(peer_at(scp().port), [instance(tmp_path)]))) == [outcome]


def test_statuses_are_kept_and_classified(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    script = iter([0x0000, 0xA700, 0xC000, 0xB007])
    pacs = scp(answer=lambda _: next(script))
    answers = list(store(peer_at(pacs.port), [instance(tmp_path) for _ in range(4)]))
    assert [a.status for a in answers] == [0x0000, 0xA700, 0xC000, 0xB007]
    assert outcomes(answers) == ["delivered", "transient", "permanent", "delivered"]


def test_an_instance_that_breaks_the_association_does_not_hold_back_the_others(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    sent = [instance(tmp_path) for _ in range(4)]

    def abort_at_second(event: Event) -> int:
        if event.request.AffectedSOPInstanceUID == sent[1].sop_instance_uid:
            event.assoc.abort()
        return 0x0000

    pacs = scp(answer=abort_at_second)
    answers = list(store(peer_at(pacs.port), sent))
    assert outcomes(answers) == ["delivered", "transient", "delivered", "delivered"]
    assert pacs.associations == 2


def test_a_peer_that_aborts_everything_is_left_alone(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    def abort(event: Event) -> int:
        event.assoc.abort()
        return 0x0000

    pacs = scp(answer=abort)
    started = time.monotonic()
    answers = list(store(peer_at(pacs.port), [instance(tmp_path) for _ in range(20)]))
    assert outcomes(answers) == ["transient"] * 20
    assert pacs.associations == 1
    assert time.monotonic() - started < 10.0  # and not after the DIMSE timeout


def test_a_peer_that_chokes_on_one_kind_of_object_gets_all_others(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    maps = [instance(tmp_path, ParametricMapStorage) for _ in range(4)]
    reports = [instance(tmp_path, Comprehensive3DSRStorage), instance(tmp_path, SecondaryCaptureImageStorage)]

    def abort_at_maps(event: Event) -> int:
        if event.request.AffectedSOPClassUID == ParametricMapStorage:
            event.assoc.abort()
        return 0x0000

    kinds = (ParametricMapStorage, Comprehensive3DSRStorage, SecondaryCaptureImageStorage)
    pacs = scp(dict.fromkeys(kinds, NATIVE), answer=abort_at_maps)
    answers = {each.instance: each.outcome for each in store(peer_at(pacs.port), [*maps, *reports])}
    assert [answers[each].value for each in maps] == ["transient"] * 4
    assert [answers[each].value for each in reports] == ["delivered"] * 2
    assert pacs.associations == 2


def test_a_peer_that_is_silent_is_waited_for_twice(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    kinds = (CTImageStorage, SegmentationStorage, ParametricMapStorage, Comprehensive3DSRStorage)
    sent = [instance(tmp_path, kind) for kind in kinds]
    done = threading.Event()

    def hang(_: Event) -> int:
        done.wait(10.0)
        return 0x0000

    pacs = scp(dict.fromkeys(kinds, NATIVE), answer=hang)
    try:
        assert outcomes(list(store(peer_at(pacs.port, dimse_s=0.3), sent))) == ["transient"] * 4
        assert pacs.associations == 2
    finally:
        done.set()


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        answers = list(store(peer_at(reserved.getsockname()[1]), [instance(tmp_path), instance(tmp_path)]))
    assert outcomes(answers) == ["transient", "transient"]
    assert "nobody listens" in answers[0].text


def test_a_host_that_does_not_resolve(tmp_path: Path) -> None:
    peer = Peer("no-such-host.invalid", 104, "PACS", "CTSMA", connect_s=2.0)
    assert outcomes(list(store(peer, [instance(tmp_path)]))) == ["transient"]


def test_a_rejected_association_says_why_and_is_tried_again(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    pacs = scp(require_called="PACS")
    peer = Peer("127.0.0.1", pacs.port, "WRONG", "CTSMA")
    answer = next(iter(store(peer, [instance(tmp_path)])))
    assert answer.outcome is Outcome.TRANSIENT
    assert "1/1/7" in answer.text


def test_a_peer_that_takes_the_call_and_says_nothing_costs_the_acse_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        answers = list(store(peer_at(silent.getsockname()[1], acse_s=0.5), [instance(tmp_path)]))
    assert outcomes(answers) == ["transient"]
    assert time.monotonic() - started < 5.0


def test_a_peer_that_never_answers_a_store_costs_the_dimse_timeout(
    tmp_path: Path, scp: Callable[..., StorageSCP]
) -> None:
    release = threading.Event()

    def hang(_: Event) -> int:
        release.wait(20)
        return 0x0000

    pacs = scp(answer=hang)
    try:
        started = time.monotonic()
        answers = list(store(peer_at(pacs.port, dimse_s=0.5), [instance(tmp_path), instance(tmp_path)]))
        assert outcomes(answers) == ["transient", "transient"]
        assert time.monotonic() - started < 10.0
    finally:
        release.set()


@pytest.mark.parametrize(
    ("answers", "after", "drips"),
    [
        ((associate_ac(),), 0, False),
        ((associate_ac(), store_rsp()), 1, False),
        ((endless(associate_ac()),), 0, True),
        ((associate_ac(), endless(store_rsp())), 1, True),
    ],
    ids=["half an AC", "half a C-STORE-RSP", "a dripping AC", "a dripping C-STORE-RSP"],
)
def test_a_peer_that_stops_in_the_middle_of_a_pdu_costs_the_network_timeout(
    tmp_path: Path, answers: tuple[bytes, ...], after: int, drips: bool
) -> None:
    pacs = StallingPeer(answers, after, drips=drips)
    peer = peer_at(pacs.port, acse_s=0.5, dimse_s=0.5, network_s=0.5)
    sent, said = [instance(tmp_path), instance(tmp_path)], list[Answer]()
    try:
        assert ends(lambda: said.extend(store(peer, sent)))
    finally:
        pacs.close()
    assert outcomes(said) == ["transient", "transient"]


def test_stopping_leaves_the_rest_without_an_answer(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    pacs = scp()
    sent = [instance(tmp_path) for _ in range(5)]
    answers = list(store(peer_at(pacs.port), sent, stop=lambda: len(pacs.received) >= 2))
    assert [a.instance for a in answers] == sent[:2]


def test_a_response_goes_to_who_waits_for_it(scp: Callable[..., StorageSCP]) -> None:
    """The association's own thread asks for messages, too, and must not come away with a response."""
    assoc = open_association(peer_at(scp().port), proposed_contexts([(CTImageStorage, NATIVE[0])]))
    response = (1, "C-STORE-RSP")
    assoc.dimse.msg_queue.put(response)
    until_asked = time.monotonic() + 0.1
    while time.monotonic() < until_asked:  # many turns of that thread, which asks every millisecond
        assert assoc.dimse.get_msg(block=False) == (None, None)
    assert assoc.dimse.msg_queue.get_nowait() == response
    assoc.release()


def test_a_file_that_is_gone_is_an_end(tmp_path: Path, scp: Callable[..., StorageSCP]) -> None:
    pacs = scp()
    sent = [instance(tmp_path), instance(tmp_path)]
    sent[0].path.unlink()
    assert outcomes(list(store(peer_at(pacs.port), sent))) == ["permanent", "delivered"]


def test_not_a_part_10_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear colleague")
    with pytest.raises(ValueError, match="not a DICOM Part 10 file"):
        read_outgoing(path)


def test_echo(scp: Callable[..., StorageSCP]) -> None:
    pacs = scp()
    assert echo(peer_at(pacs.port)) == (True, "answers")
    pacs.close()
    assert echo(peer_at(pacs.port))[0] is False
