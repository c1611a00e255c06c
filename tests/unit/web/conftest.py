"""What the tests of the page share: one planted node, served on a free port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

import pytest
from starlette.types import ASGIApp

from ctsma_node.config.settings import WebSettings
from ctsma_node.records import Case
from ctsma_node.report import ReportObject
from ctsma_node.web.app import make_app
from ctsma_node.web.service import listen, make_server
from ctsma_node.web.tokens import Token
from tests.unit.web.planted import Planted, made_objects, plant_queue

TOKEN = "a-token-of-the-tests-only"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Served:
    """A planted node and the port of its page."""

    planted: Planted
    cases: dict[str, Case]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: str, **headers: str) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, body, form | headers)

    def request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer: HTTPResponse = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def objects() -> tuple[ReportObject, ...]:
    return made_objects()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, objects: tuple[ReportObject, ...]) -> Iterator[Served]:
    """The queue of every kind of case, read-only for the tests of a module."""
    planted = Planted(tmp_path_factory.mktemp("node"))
    planted.receive(1)
    cases = plant_queue(planted, objects)
    planted.beat()
    app = make_app(planted.settings, Token(TOKEN), clock=planted.clock)
    with serving(app) as port:
        yield Served(planted, cases, port)
    planted.close()


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Serve on a free port, as the node does."""
    web = WebSettings(port=0)
    server, listening = make_server(app, web), listen(web)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(20)
