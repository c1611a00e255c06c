"""Whoever keeps connections to the page open without using them keeps nobody else out."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection

import pytest
from starlette.types import Receive, Scope, Send

from ctsma_node.web import connections
from tests.unit.web.conftest import Served, serving

HEAD = b"POST /cases/1/cancel HTTP/1.1\r\nHost: localhost\r\n"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def is_closed(peer: socket.socket) -> bool:
    """Waits for it."""
    with suppress(ConnectionResetError):
        return peer.recv(1) == b""
    return True


def takes(peer: socket.socket) -> bool:
    """Send one more byte, a little later."""
    time.sleep(0.02)
    with suppress(OSError):
        peer.sendall(b"x")
        return True
    return False


def test_silent_connections_keep_nobody_out(served: Served) -> None:
    with ExitStack() as stack:
        for number in range(300):
            stack.enter_context(connect(served.port))
            if number % 20 == 0:
                assert served.get("/health/live").status == 200
        assert served.get("/health/live").status == 200


def test_the_oldest_of_too_many_goes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_REQUEST_S", 3600.0)
    with ExitStack() as stack:
        first = stack.enter_context(connect(served.port))
        assert served.get("/health/live").status == 200  # it has been taken
        for _ in range(connections.MOST_WAITING):
            stack.enter_context(connect(served.port))
        assert is_closed(first)


@pytest.mark.parametrize("said", [b"", b"GET / HT", HEAD, HEAD + b"Content-Length: 9\r\n\r\nhalf"])
def test_a_request_that_does_not_come_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    """Nor is it an error of the page's own."""
    monkeypatch.setattr(connections, "_REQUEST_S", 0.3)
    with connect(served.port) as peer:
        peer.sendall(said)
        assert is_closed(peer)
    monkeypatch.undo()
    assert served.get("/health/live").status == 200
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_request_that_comes_byte_by_byte_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_REQUEST_S", 0.3)
    with connect(served.port) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert any(not takes(peer) for _ in range(3000))


def test_a_connection_serves_one_request_behind_another(served: Served) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
    connection.close()


class Answering:
    """An application that answers with so many bytes, once it may."""

    def __init__(self) -> None:
        self.size = 2
        self.may_answer, self.is_done = threading.Event(), threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while not self.may_answer.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(self.size):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.is_done.set()


@pytest.fixture
def answering() -> Iterator[tuple[Answering, Callable[[], socket.socket]]]:
    app = Answering()
    with serving(app) as port:

        def ask() -> socket.socket:
            peer = connect(port)
            peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return peer

        yield app, ask


def test_an_answer_may_take_longer_than_a_request(
    answering: tuple[Answering, Callable[[], socket.socket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_REQUEST_S", 0.2)
    app, ask = answering
    threading.Timer(1.0, app.may_answer.set).start()
    with ask() as peer, peer.makefile("rb") as answer:
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        assert answer.read().count(b"x") >= 65536 * app.size


def test_an_answer_that_nobody_reads_is_not_waited_for(
    answering: tuple[Answering, Callable[[], socket.socket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_ANSWER_S", 0.3)
    app, ask = answering
    app.size = 1000
    app.may_answer.set()
    with ask():
        assert app.is_done.wait(60)
