"""STOW-RS and QIDO-RS: a scripted server with odd answers, TLS and credentials, and Orthanc's plugin."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, ExplicitVRLittleEndian, ParametricMapStorage

from ctsma_node.config import DicomWebSettings
from ctsma_node.deliver import Answer, Outcome, WebArchive, WebPeer, read_outgoing
from ctsma_node.deliver.multipart import Multipart
from ctsma_node.deliver.storage import Outgoing
from ctsma_node.records import DeliveryState, SeriesState
from tests.conftest import RequireTool
from tests.fixtures.orthanc import Archive, dicomweb_plugin
from tests.fixtures.proving_node import Clock
from tests.fixtures.reported_case import COUNT, SERIES, STUDY, UIDS, ReportedCase, made_object
from tests.fixtures.web_server import Reply, Request, WebServer, listing, matches, stores

S, D = SeriesState, DeliveryState
DONE, LATER, NEVER = Outcome.DELIVERED, Outcome.TRANSIENT, Outcome.PERMANENT
ODD_BODIES = [b"", b"<NativeDicomModel/>", b"[]", b"null", b'{"00081199": 3}', b"\xff\xfe"]


@pytest.fixture
def server() -> Iterator[WebServer]:
    made = WebServer()
    yield made
    made.close()


@pytest.fixture
def instances(tmp_path: Path) -> list[Outgoing]:
    return made(tmp_path, [CTImageStorage] * COUNT)


def made(folder: Path, sop_classes: list[str]) -> list[Outgoing]:
    (folder / "1").mkdir()
    found = [made_object(folder / "1", number, kind) for number, kind in enumerate(sop_classes)]
    return [read_outgoing(folder / each.path) for each in found]


def archive_at(url: str, **more: object) -> WebArchive:
    limits: dict[str, float] = {"connect_s": 2, "network_s": 2, "total_s": 2}
    return WebArchive(WebPeer(url, **(limits | more)))  # type: ignore[arg-type]


def sent(url: str, instances: list[Outgoing], **more: object) -> list[Answer]:
    found = list(archive_at(url, **more).store(instances, lambda: False))
    assert {each.instance for each in found} == set(instances)
    assert len(found) == len(instances)
    return found


def outcomes(found: list[Answer]) -> list[Outcome]:
    by_uid = {each.instance.sop_instance_uid: each.outcome for each in found}
    return [by_uid[uid] for uid in UIDS]


def test_a_set_goes_in_one_request_byte_for_byte(server: WebServer, instances: list[Outgoing]) -> None:
    found = sent(server.url, instances)
    assert [(each.outcome, each.status) for each in found] == [(DONE, 0)] * COUNT
    assert [each.path for each in server.posts] == ["/dicom-web/studies"]
    assert server.posts[0].parts == [each.path.read_bytes() for each in instances]
    assert server.posts[0].headers["Accept"] == "application/dicom+json"


def test_each_instance_has_its_own_answer(server: WebServer, instances: list[Outgoing]) -> None:
    failed: dict[str, int | None] = {UIDS[1]: 0xA700, UIDS[2]: 0x0122}
    server.reply = lambda *_: (202, listing(stored=UIDS[:1], failed=failed, warning=0xB000))
    found = sent(server.url, instances)
    assert [(each.outcome, each.status) for each in found] == [
        (DONE, 0xB000),
        (LATER, 0xA700),
        (NEVER, 0x0122),
    ]


def test_reasons_that_are_missing_or_mean_that_it_is_there(
    server: WebServer, instances: list[Outgoing]
) -> None:
    failed: dict[str, int | None] = {UIDS[0]: None, UIDS[1]: 0x0111, UIDS[2]: 0xC122}
    server.reply = lambda *_: (409, listing(failed=failed))
    assert outcomes(sent(server.url, instances)) == [LATER, DONE, NEVER]


def test_a_warning_among_failures_is_no_proof(server: WebServer, instances: list[Outgoing]) -> None:
    failed: dict[str, int | None] = {UIDS[0]: 0xB000, UIDS[1]: 0xB00E, UIDS[2]: 0x0000}
    server.reply = lambda *_: (409, listing(failed=failed))
    assert outcomes(sent(server.url, instances)) == [LATER] * COUNT


def test_what_a_response_leaves_out_is_neither_stored_nor_refused(
    server: WebServer, instances: list[Outgoing]
) -> None:
    server.reply = lambda *_: (200, listing(stored=UIDS[:2]))
    found = sent(server.url, instances)
    assert outcomes(found) == [DONE, DONE, LATER]
    assert "not named" in found[2].text


@pytest.mark.parametrize("body", ODD_BODIES)
def test_without_a_list_the_status_speaks_for_all(
    server: WebServer, instances: list[Outgoing], body: bytes
) -> None:
    server.reply = lambda *_: (200, body)
    assert outcomes(sent(server.url, instances)) == [DONE] * COUNT
    assert len(server.posts) == 1


@pytest.mark.parametrize("status", [202, 400, 409, 413, 415])
def test_one_bad_instance_does_not_spoil_the_others(
    server: WebServer, instances: list[Outgoing], status: int
) -> None:
    def picky(server: WebServer, request: Request) -> Reply:
        return (status, b"no list") if UIDS[1] in request.uids else (200, b"")

    server.reply = picky
    assert outcomes(sent(server.url, instances)) == [DONE, DONE if status == 202 else NEVER, DONE]
    assert [each.uids for each in server.posts] == [UIDS, *([uid] for uid in UIDS)]


@pytest.mark.parametrize("status", [301, 401, 403, 404, 418, 429, 501, 503, 507])
def test_what_a_person_or_time_can_set_right_is_tried_again(
    server: WebServer, instances: list[Outgoing], status: int
) -> None:
    server.reply = lambda *_: (status, b"<html>Log in, P. Patient</html>")
    found = sent(server.url, instances)
    assert outcomes(found) == [LATER] * COUNT
    assert {f"HTTP {status}" in each.text for each in found} == {True}
    assert not any("Patient" in each.text for each in found)
    assert len(server.requests) == 1  # no drumming on a door that is shut


def test_a_server_that_fails_on_one_kind_of_object_gets_all_others(server: WebServer, tmp_path: Path) -> None:
    kinds: list[str] = [CTImageStorage, *[ParametricMapStorage] * 3, Comprehensive3DSRStorage]
    instances = made(tmp_path, kinds)
    maps = {each.sop_instance_uid for each in instances if each.sop_class_uid == ParametricMapStorage}
    server.reply = lambda server, request: (500, b"") if maps & set(request.uids) else (200, b"")
    found = {each.instance: each.outcome for each in sent(server.url, instances)}
    assert [found[each] for each in instances] == [DONE, LATER, LATER, LATER, DONE]
    assert len(server.posts) == 4  # all, the volume, one map, the report


def test_a_server_that_fails_on_everything_is_left_alone(server: WebServer, tmp_path: Path) -> None:
    kinds: list[str] = [CTImageStorage, ParametricMapStorage, Comprehensive3DSRStorage]
    server.reply = lambda *_: (500, b"<html>P. Patient</html>")
    found = sent(server.url, made(tmp_path, kinds))
    assert {each.outcome for each in found} == {LATER}
    assert {"HTTP 500" in each.text and "Patient" not in each.text for each in found} == {True}
    assert len(server.posts) == 3  # all, the volume, the map


def test_nobody_listens(instances: list[Outgoing]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = sent(f"http://127.0.0.1:{probe.getsockname()[1]}", instances)
    assert outcomes(found) == [LATER] * COUNT
    assert "nobody listens" in found[0].text


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read (No such file"), ("no PEM", "holds no certificates in PEM")]
)
def test_authorities_that_cannot_be_used_are_named(
    instances: list[Outgoing], tmp_path: Path, content: str | None, said: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    found = sent("https://127.0.0.1:9", instances, ca_file=ca_file)
    assert outcomes(found) == [LATER] * COUNT
    assert f"{ca_file} {said}" in found[0].text


def test_a_silent_server_has_its_time_limit(instances: list[Outgoing]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = sent(f"http://127.0.0.1:{silent.getsockname()[1]}", instances, network_s=0.3)
    assert outcomes(found) == [LATER] * COUNT
    assert "silent" in found[0].text


@pytest.mark.parametrize("over_tls", [False, True])
def test_a_server_may_be_slow_to_read_for_as_long_as_it_may_be_silent(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over_tls: bool
) -> None:
    """The second request goes over the connection of the first."""
    monkeypatch.setattr("ctsma_node.deliver.dicomweb._BATCH_BYTES", 1)
    server.buffer_little()
    server.pause_s, server.reply = 2.5, lambda *_: (200, b"")
    ca_file = _certificate(tmp_path) if over_tls else None
    if ca_file is not None:
        server.use_tls(ca_file, tmp_path / "key.pem")
    large = [tmp_path / f"{number}.dcm" for number in range(2)]
    for each in large:
        each.write_bytes(bytes(12 << 20))
    outgoing = [Outgoing(each, CTImageStorage, each.stem, ExplicitVRLittleEndian) for each in large]
    archive = archive_at(server.url, connect_s=1.0, network_s=20, total_s=20, ca_file=ca_file)
    found = [each.outcome for each in archive.store(outgoing, lambda: False)]
    assert found == [DONE, DONE]


def test_the_limit_of_a_silence_is_that_of_a_small_part_of_the_body(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    path.write_bytes(bytes(3 << 20))
    assert max(len(part) for part in Multipart([path])) <= 1 << 16


def test_an_endless_response_comes_to_an_end(
    server: WebServer, instances: list[Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.deliver.http._LONGEST_BODY", 1 << 16)
    server.reply = lambda *_: (200, b" " * (1 << 20))
    found = sent(server.url, instances)
    assert outcomes(found) == [LATER] * COUNT
    assert "no end" in found[0].text


def test_a_file_that_is_gone_does_not_hold_up_the_rest(server: WebServer, instances: list[Outgoing]) -> None:
    instances[0].path.unlink()
    assert outcomes(sent(server.url, instances)) == [NEVER, DONE, DONE]


def test_a_large_set_goes_in_several_requests(
    server: WebServer, instances: list[Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = instances[0].path.stat().st_size
    monkeypatch.setattr("ctsma_node.deliver.dicomweb._BATCH_BYTES", 2 * size + 1)
    assert outcomes(sent(server.url, instances)) == [DONE] * COUNT
    assert [each.uids for each in server.posts] == [UIDS[:2], UIDS[2:]]


def test_a_stop_leaves_the_rest_unanswered(server: WebServer, instances: list[Outgoing]) -> None:
    assert list(archive_at(server.url).store(instances, lambda: True)) == []
    assert server.requests == []


def test_a_search_asks_for_every_page(server: WebServer) -> None:
    held = [f"1.2.{n}" for n in range(5)]

    def pages(server: WebServer, request: Request) -> Reply:
        offset = int(request.path.rpartition("offset=")[2])
        return 200, matches(held[offset : offset + 2])  # the server's own limit

    server.reply = pages
    assert archive_at(server.url).held(STUDY, [SERIES]) == set(held)
    assert server.requests[0].path.startswith(f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances?")


class Web(ReportedCase):
    def __init__(self, folder: Path, url: str) -> None:
        self.clock = Clock()
        destination = DicomWebSettings(
            kind="dicomweb", name="web", url=url, objects=("volume",), proof="find"
        )
        super().__init__(folder, destination, clock=self.clock, first_s=10, max_s=10, horizon_h=24)

    def later(self) -> None:
        self.clock.now += 20
        self.deliver()


@pytest.fixture
def node(server: WebServer, tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "node").mkdir()
    made = Web(tmp_path / "node", server.url)
    yield made
    made.cases.close()


def test_what_is_found_is_delivered(server: WebServer, node: Web) -> None:
    node.deliver()
    assert node.state() == (S.DELIVERED, None)
    assert sorted(server.held) == UIDS


@pytest.mark.parametrize("reply", [(204, b""), (200, b"[]")])
def test_what_is_not_found_is_sent_again(server: WebServer, node: Web, reply: Reply) -> None:
    server.reply = lambda server, request: reply if request.method == "GET" else stores(server, request)
    node.deliver()
    node.later()
    assert node.states("web") == [D.PENDING] * COUNT
    server.reply = stores
    node.later()
    assert node.state() == (S.DELIVERED, None)
    assert len(server.posts) == 2


@pytest.mark.parametrize("reply", [(404, b""), (500, b""), (200, b"<html>"), (200, b'[{"00080018": 1}]')])
def test_a_search_that_says_nothing_proves_nothing(server: WebServer, node: Web, reply: Reply) -> None:
    server.reply = lambda server, request: reply if request.method == "GET" else stores(server, request)
    for _ in range(3):
        node.later()
    assert node.states("web") == [D.SENT] * COUNT
    assert len(server.posts) == 1


def test_credentials_come_from_a_file_that_is_read_each_time(
    server: WebServer, instances: list[Outgoing], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    token.chmod(0o600)
    archive = archive_at(server.url, token_file=token)
    assert outcomes(list(archive.store(instances, lambda: False))) == [DONE] * COUNT
    token.write_text("second\n")
    assert outcomes(list(archive.store(instances, lambda: False))) == [DONE] * COUNT
    assert [each.headers["Authorization"] for each in server.posts] == ["Bearer first", "Bearer second"]
    basic = tmp_path / "basic"
    basic.write_text("node:secret")
    basic.chmod(0o400)
    sent(server.url, instances, basic_file=basic)
    encoded = base64.b64encode(b"node:secret").decode()
    assert server.posts[-1].headers["Authorization"] == f"Basic {encoded}"


def test_credentials_that_others_can_read_are_not_used(
    server: WebServer, instances: list[Outgoing], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o644)
    found = sent(server.url, instances, token_file=token)
    assert "can be read by others" in found[0].text
    found = sent(server.url, instances, token_file=tmp_path / "none")
    assert "cannot be read (No such file or directory)" in found[0].text
    assert server.requests == []


def test_tls_trusts_who_it_is_told_to(server: WebServer, instances: list[Outgoing], tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    server.use_tls(certificate, tmp_path / "key.pem")
    assert outcomes(sent(server.url, instances, ca_file=certificate)) == [DONE] * COUNT
    found = sent(server.url, instances)
    assert outcomes(found) == [LATER] * COUNT
    assert "no TLS connection (self-signed certificate" in found[0].text


@pytest.fixture(scope="module")
def orthanc(require_tool: RequireTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    made = Archive(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    made.plugins = (dicomweb_plugin(),)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def orthancs_node(orthanc: Archive, tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "node").mkdir()
    made = Web(tmp_path / "node", orthanc.dicomweb)
    yield made
    made.cases.close()
    for uid in orthanc.instances():
        orthanc.forget(uid)


def test_orthanc_stores_and_finds(orthanc: Archive, orthancs_node: Web, tmp_path: Path) -> None:
    orthancs_node.deliver()
    assert orthancs_node.state() == (S.DELIVERED, None)
    assert orthanc.instances() == UIDS
    (tmp_path / "back").mkdir()
    made = orthancs_node.settings.outbox_dir.rglob("*.dcm")
    assert {_content(each) for each in orthanc.fetch(STUDY, tmp_path / "back")} == set(map(_content, made))
    assert archive_at(orthanc.dicomweb).check() == (True, "answers")


def test_what_orthanc_lost_is_sent_again(orthanc: Archive, orthancs_node: Web) -> None:
    node = orthancs_node
    proof, node.couriers[0]._proof = node.couriers[0]._proof, _Never()
    node.deliver()
    orthanc.forget(UIDS[1])
    node.couriers[0]._proof = proof
    for _ in range(3):
        node.later()
    assert node.state() == (S.DELIVERED, None)
    assert [each.attempts for each in node.cases.deliveries(node.case)] == [1, 2, 1]
    assert orthanc.instances() == UIDS


class _Never:
    def ask(self, rows: object) -> None:
        pass


def _content(path: Path) -> str:
    raw = path.read_bytes()
    length = int.from_bytes(raw[140:144], "little")  # (0002,0000) UL, PS3.10 7.1
    return hashlib.sha256(raw[144 + length :]).hexdigest()


def _certificate(folder: Path) -> Path:
    """A self-signed certificate for localhost; its key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path
