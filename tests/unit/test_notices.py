"""People are told once of what went wrong, by e-mail and webhook, and nothing of it is patient data."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ctsma_node.config.operations import NotifySettings
from ctsma_node.config.settings import LimitSettings
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.notices import Digest, NoticeError, Way, send, ways
from ctsma_node.records import Quarantined, SeriesState
from ctsma_node.worker.notices import Notices
from tests.fixtures.node_state import NodeState, settings_in

DIGEST = Digest("CTSMA", "0.1.0", {"io_error": 2}, {"pacs": 3}, {"invalid_uid": 1}, 5_000_000)


class Hook:
    """An HTTP server that notes what it is sent and answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str | None, dict[str, Any]]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((self.headers.get("Authorization"), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Location", hook.url + "elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def mail_server(lines: list[str]) -> int:
    """Takes one message without STARTTLS and notes every line; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw", newline="\r\n") as file:

            def say(text: str) -> None:
                file.write(text + "\r\n")
                file.flush()

            say("220 ready")
            in_content = False
            while line := file.readline().rstrip("\r\n") or in_content:
                lines.append(str(line))
                if in_content and line != ".":
                    continue
                in_content = str(line).upper() == "DATA"
                say("354 go on" if in_content else "221 bye" if str(line).upper() == "QUIT" else "250 OK")
                if str(line).upper() == "QUIT":
                    break
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_webhook_gets_json_and_its_token(hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    send(
        Way.WEBHOOK, DIGEST, NotifySettings(webhook_url=hook.url, webhook_token_file=str(tmp_path / "token"))
    )
    ((token, body),) = hook.got
    assert token == "Bearer secret"
    assert (body["failed"], body["given_up"], body["free_bytes"]) == ({"io_error": 2}, {"pacs": 3}, 5_000_000)


def test_an_e_mail_says_what_and_where_to_look() -> None:
    lines: list[str] = []
    settings = NotifySettings(
        smtp_host="127.0.0.1",
        smtp_port=mail_server(lines),
        starttls=False,
        sender="node@example.org",
        recipients=("it@example.org",),
    )
    send(Way.MAIL, DIGEST, settings)
    text = "\n".join(lines)
    assert "Subject: ctsma-node CTSMA: 2 cases failed, 3 objects not delivered" in text
    assert "2 cases failed: io_error" in text
    assert "ctsma-node status" in text


def test_without_starttls_at_the_server_no_password_is_sent(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    lines: list[str] = []
    settings = NotifySettings(
        smtp_host="127.0.0.1",
        smtp_port=mail_server(lines),
        smtp_user="node",
        smtp_password_file=str(tmp_path / "password"),
        sender="node@example.org",
        recipients=("it@example.org",),
    )
    with pytest.raises(NoticeError, match="mail"):
        send(Way.MAIL, DIGEST, settings)
    assert not [line for line in lines if "AUTH" in line]


@pytest.mark.parametrize("status", [302, 500])
def test_a_webhook_that_does_not_take_it_is_a_failure(hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(NoticeError, match=str(status)):
        send(Way.WEBHOOK, DIGEST, NotifySettings(webhook_url=hook.url))
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_url": "http://example.org/hook"},
        {"webhook_url": "file:///etc/passwd"},
        {"smtp_host": "mail.example.org"},
        {"smtp_host": "m", "sender": "a", "recipients": ("b",), "smtp_user": "u"},
    ],
)
def test_settings_that_would_leak_or_tell_nobody_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NotifySettings(**wrong)


@pytest.fixture
def told(tmp_path: Path, hook: Hook) -> Iterator[tuple[NodeState, Notices]]:
    settings = settings_in(tmp_path).model_copy(
        update={
            "notify": NotifySettings(webhook_url=hook.url, every_s=100),
            "limits": LimitSettings(min_free_bytes=0),
        }
    )
    state = NodeState(settings)
    inbox = InboxReader(settings.inbox_path)
    yield state, Notices(settings, state.cases, inbox, Way.WEBHOOK, lambda: state.now, lambda: state.now)
    inbox.close()
    state.close()


def test_a_failed_case_is_told_once_and_not_at_once_again(
    told: tuple[NodeState, Notices], hook: Hook
) -> None:
    state, notices = told
    notices.sweep()
    for at in (10.0, 20.0):
        state.bring(at=at)
    state.end(1, SeriesState.FAILED, 30.0)
    state.now = 50.0
    notices.sweep()
    assert hook.got == []  # a short while after the start of telling
    state.now = 200.0
    notices.sweep()
    assert [body["failed"] for _, body in hook.got] == [{"some_code": 1}]
    state.end(2, SeriesState.FAILED, 250.0)
    notices.sweep()
    assert len(hook.got) == 1
    state.now = 350.0
    for _ in range(2):
        notices.sweep()
        state.now += 150.0
    assert len(hook.got) == 2


def test_a_notice_that_failed_is_tried_again_with_all_there_is(
    told: tuple[NodeState, Notices], hook: Hook
) -> None:
    state, notices = told
    notices.sweep()
    state.bring(at=10.0)
    state.end(1, SeriesState.FAILED, 30.0)
    hook.status, state.now = 500, 200.0
    notices.sweep()
    hook.status, state.now = 200, 400.0
    notices.sweep()
    assert [body["failed"] for _, body in hook.got] == [{"some_code": 1}] * 2


def test_a_failure_behind_a_clock_that_was_set_back_is_told_in_its_time(
    told: tuple[NodeState, Notices], hook: Hook
) -> None:
    state, since = told[0], -1000.0
    notices = Notices(
        told[1]._settings,
        state.cases,
        told[1]._inbox,
        Way.WEBHOOK,
        lambda: state.now,
        lambda: state.now - since,
    )
    notices.sweep()
    state.bring(at=100_000.0)
    state.end(1, SeriesState.FAILED, 100_010.0)
    notices.sweep()
    assert len(hook.got) == 1
    since, state.now = since - 90_000.0, state.now - 90_000.0
    state.cases.move_timers(-90_000.0)
    state.bring(at=state.now + 5)
    state.end(2, SeriesState.FAILED, state.now + 5)
    state.now += 200
    notices.sweep()
    assert [body["failed"] for _, body in hook.got] == [{"some_code": 1}] * 2


def test_quarantine_and_a_full_disk_are_told(told: tuple[NodeState, Notices], hook: Hook) -> None:
    state, notices = told
    notices.sweep()
    row = Quarantined(
        50.0, "invalid_uid", None, "SCANNER", "127.0.0.1", None, None, "ab/ab.dcm", 3, "ab" * 32
    )
    state.arrivals.inbox.add_quarantined(row)
    notices._settings = notices._settings.model_copy(update={"limits": LimitSettings(min_free_bytes=1 << 60)})
    state.now = 200.0
    notices.sweep()
    state.now = 400.0
    notices.sweep()  # still full, which was said
    ((_, body),) = hook.got
    assert body["quarantined"] == {"invalid_uid": 1}
    assert body["free_bytes"] > 0


def test_where_one_way_is_down_the_other_is_told_once(told: tuple[NodeState, Notices], hook: Hook) -> None:
    """The mail server is away: it gets everything when it is back, and the webhook nothing twice."""
    state, webhook = told
    notify = NotifySettings(
        smtp_host="127.0.0.1",
        smtp_port=unused_port(),
        starttls=False,
        sender="node@example.org",
        recipients=("it@example.org",),
        webhook_url=hook.url,
        every_s=100,
    )
    settings = webhook._settings.model_copy(update={"notify": notify})
    both = [
        Notices(settings, state.cases, webhook._inbox, way, lambda: state.now, lambda: state.now)
        for way in ways(notify)
    ]
    for at in (0.0, 200.0, 400.0, 600.0):
        state.now = at
        for notices in both:
            notices.sweep()
        if at == 0.0:
            state.bring(at=10.0)
            state.end(1, SeriesState.FAILED, 30.0)
    assert [body["failed"] for _, body in hook.got] == [{"some_code": 1}]
    lines: list[str] = []
    mail = notify.model_copy(update={"smtp_port": mail_server(lines)})
    both[0]._settings, state.now = settings.model_copy(update={"notify": mail}), 800.0
    both[0].sweep()
    assert "1 cases failed: some_code" in "\n".join(lines)


def test_a_way_that_is_new_begins_now_or_where_an_earlier_version_ended(
    told: tuple[NodeState, Notices],
) -> None:
    cases = told[0].cases
    cases.begin_telling(Way.WEBHOOK, 70.0)
    cases.tell_until(Way.WEBHOOK, 90.0)
    assert (cases.told_until(Way.WEBHOOK), cases.told_until(Way.MAIL)) == (90.0, None)
    with cases._writer.transaction() as connection:
        connection.execute("INSERT INTO told VALUES ('trouble', 50.0)")  # it had one mark for both ways
    cases.begin_telling(Way.MAIL, 100.0)
    assert cases.told_until(Way.MAIL) == 50.0
