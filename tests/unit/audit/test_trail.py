"""The trail is bounded and never stops the node; a syslog server gets each line, whenever it is there."""

from __future__ import annotations

import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing

from ctsma_node.audit import Recorder
from ctsma_node.audit.syslog import Forwarder
from ctsma_node.audit.trail import Trail
from ctsma_node.config import Settings
from ctsma_node.config.settings import AuditSettings, NodeSettings
from ctsma_node.tls import ClientContext
from tests.acceptance.site import free_port, until
from tests.fixtures.certificates import Authority


def lines(folder: Path) -> list[bytes]:
    return [line for path in sorted(folder.glob("*.log")) for line in path.read_bytes().splitlines()]


def test_files_are_private_and_the_oldest_goes(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit", file_bytes=100, files=3)
    for number in range(40):
        trail.append(b"%030d" % number)
    assert trail.numbers() == [12, 13, 14]
    assert [int(line) for line in lines(trail.folder)] == list(range(33, 40))
    assert {path.stat().st_mode & 0o777 for path in trail.folder.glob("*.log")} == {0o600}
    trail.close()


def test_a_trail_goes_on_where_the_last_process_left_it(tmp_path: Path) -> None:
    for number in range(3):
        trail = Trail(tmp_path, file_bytes=100, files=3)
        trail.append(b"%d" % number)
        trail.close()
    assert lines(tmp_path) == [b"0", b"1", b"2"]
    assert trail.numbers() == [1]


def test_a_trail_that_cannot_be_written_is_told_once_a_minute_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    trail, now = Trail(tmp_path / "audit", 100, 3, lambda: now[0]), [0.0]
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            trail.append(b"lost")
        now[0] = 61.0
        trail.append(b"lost")
    assert [each["event"] for each in logs] == ["audit.not_written"] * 2


def test_a_line_is_a_syslog_message(tmp_path: Path) -> None:
    recorder = Recorder(
        Settings(node=NodeSettings(state_dir=tmp_path), audit=AuditSettings(site_id="site")), "receive"
    )
    recorder.open()
    recorder.close()
    written = lines(tmp_path / "audit" / "receive")
    assert len(written) == 2
    form = (
        rb"<85>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ ctsma-node-receive \d+ DICOM\+RFC3881 - "
        rb"<AuditMessage>.*</AuditMessage>"
    )
    assert all(re.fullmatch(form, line) for line in written)


def test_without_a_trail_nothing_is_written(tmp_path: Path) -> None:
    recorder = Recorder(
        Settings(node=NodeSettings(state_dir=tmp_path), audit=AuditSettings(enabled=False)), "receive"
    )
    recorder.open()
    recorder.close()
    assert list(tmp_path.iterdir()) == []


class Syslog(threading.Thread):
    """A syslog server over TLS that puts each message it gets into a queue."""

    def __init__(self, authority: Authority, port: int) -> None:
        super().__init__(daemon=True)
        own = authority.issue("syslog", "localhost")
        self.got: queue.Queue[bytes] = queue.Queue()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        self._listening = socket.create_server(("127.0.0.1", port))
        self._connections: list[ssl.SSLSocket] = []

    def run(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
                self._connections.append(self._context.wrap_socket(plain, server_side=True))
                self._read(self._connections[-1])
            except (OSError, ValueError):
                if self._listening.fileno() < 0:
                    return

    def _read(self, connection: ssl.SSLSocket) -> None:
        with connection.makefile("rb") as stream:
            while length := self._length(stream):
                self.got.put(stream.read(length))

    @staticmethod
    def _length(stream: object) -> int:
        digits = b""
        while (digit := stream.read(1)) not in (b" ", b""):  # type: ignore[attr-defined]
            digits += digit
        return int(digits or b"0")

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._connections:
            each.close()
        self.join(5)

    def take(self, count: int) -> list[bytes]:
        return [self.got.get(timeout=20) for _ in range(count)]


@pytest.fixture
def servers() -> Iterator[Callable[..., Syslog]]:
    running: list[Syslog] = []

    def start(authority: Authority, port: int) -> Syslog:
        running.append(Syslog(authority, port))
        running[-1].start()
        return running[-1]

    yield start
    for each in running:
        if each.is_alive():
            each.close()


def test_a_server_that_was_away_gets_everything_once_it_is_back(
    servers: Callable[..., Syslog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctsma_node.audit.syslog._FIRST_S", 0.05)
    monkeypatch.setattr("ctsma_node.audit.syslog._LOOK_S", 0.05)
    authority, port = Authority(tmp_path / "ca"), free_port()
    trail = Trail(tmp_path / "trail", 100_000, 10)
    tls = ClientContext(str(authority.ca), "localhost")
    with structlog.testing.capture_logs() as logs:
        forwarder = Forwarder(trail, "127.0.0.1", port, tls)
        forwarder.start()
        trail.append(b"one")
        until(lambda: any(each["event"] == "audit.unreachable" for each in logs), "told", 10)
        trail.append(b"two")
        server = servers(authority, port)
        assert server.take(2) == [b"one", b"two"]
        trail.append(b"three")
        assert server.take(1) == [b"three"]
        forwarder.stop()
    assert [each["event"] for each in logs] == ["audit.unreachable", "audit.reachable"]
    trail.append(b"four")
    again = Forwarder(trail, "127.0.0.1", port, tls)
    again.start()
    assert server.take(1) == [b"four"]
    again.stop()
    assert server.got.empty()


def test_unsent_files_that_had_to_go_are_told(tmp_path: Path) -> None:
    trail = Trail(tmp_path, 100, 2)
    (tmp_path / "sent").write_text("1 0\n")
    for number in range(20):
        trail.append(b"%060d" % number)
    forwarder = Forwarder(trail, "127.0.0.1", free_port(), ClientContext("", "localhost"))
    with structlog.testing.capture_logs() as logs:
        found = forwarder._after(forwarder._position())
        forwarder._after(forwarder._position())
    assert [(each["event"], each["count"]) for each in logs] == [("audit.unsent_lost", 18)]
    assert [int(line) for line, _ in found] == [18, 19]


def test_a_recorder_that_takes_over_other_settings_sends_each_message_once(
    servers: Callable[..., Syslog], tmp_path: Path
) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    server = servers(authority, port)
    to_syslog = AuditSettings(syslog_host="localhost", syslog_port=port, syslog_ca=str(authority.ca))
    settings = Settings(node=NodeSettings(state_dir=tmp_path), audit=to_syslog)
    recorder = Recorder(settings, "receive")
    recorder.open()
    assert len(server.take(1)) == 1
    for site in ("a", "b"):
        changed = to_syslog.model_copy(update={"site_id": site})
        recorder.take_over(settings.model_copy(update={"audit": changed}))
    got = server.take(4)
    recorder.close()
    got += server.take(1)
    assert lines(tmp_path / "audit" / "receive")[1:] == got
    assert server.got.empty()
