"""Who may read, who may ask, and what every answer bears."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctsma_node.commands import CommandFolder
from ctsma_node.config.settings import WebSettings
from ctsma_node.errors import SettingsError
from ctsma_node.web.app import make_app
from ctsma_node.web.guard import HEADERS
from ctsma_node.web.tokens import Token, acting_token, read_token
from tests.unit.web.conftest import TOKEN, Served, serving
from tests.unit.web.planted import Planted

READING = "the-token-for-reading"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    """A page that wants a token for reading."""
    planted = Planted(tmp_path / "state")
    with serving(make_app(planted.settings, Token(TOKEN), Token(READING), planted.clock)) as port:
        yield Served(planted, {}, port)
    planted.close()


@pytest.mark.parametrize("path", ["/", "/node", "/health", "/metrics", "/style.css", "/nowhere"])
def test_every_answer_bears_the_headers(served: Served, path: str) -> None:
    headers = served.get(path).headers
    for name, value in HEADERS.items():
        assert headers[name.lower()] == value
    assert "server" not in headers
    assert "set-cookie" not in headers


def test_no_page_holds_a_script_or_a_style_of_its_own(served: Served) -> None:
    for case in served.cases.values():
        text = served.get(f"/cases/{case.id}").text
        assert "<script" not in text
        assert "style=" not in text
        assert "onclick" not in text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8112", "localhost:8112", "LOCALHOST.", "[::1]:8112"]
)
def test_the_nodes_own_names_are_known(served: Served, host: str) -> None:
    assert served.get("/health/live", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1"]
)
def test_other_names_are_refused(served: Served, host: str) -> None:
    assert served.get("/", Host=host).status == 421


def test_large_bodies_are_refused(served: Served) -> None:
    case = served.cases["failed"]
    assert served.post(f"/cases/{case.id}/requeue", "token=" + "x" * 5000).status == 413
    chunked = {"Transfer-Encoding": "chunked"}
    assert served.request("POST", f"/cases/{case.id}/requeue", None, chunked).status == 413


@pytest.mark.parametrize("offered", ["", "wrong", TOKEN[:-1], TOKEN + "x"])
def test_who_does_not_know_the_token_asks_for_nothing(served: Served, offered: str) -> None:
    case = served.cases["failed"]
    answer = served.post(f"/cases/{case.id}/requeue", f"token={offered}&seen=1")
    assert answer.status == 403
    assert "nothing was asked for" in answer.text
    assert CommandFolder(served.planted.settings.commands_dir).waiting() == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[bad"])
def test_a_form_of_another_site_asks_for_nothing(served: Served, origin: str) -> None:
    case = served.cases["failed"]
    answer = served.post(f"/cases/{case.id}/requeue", f"token={TOKEN}&seen=1", Origin=origin)
    assert (answer.status, "not the token" in answer.text) == (403, False)
    assert "came from another address" in answer.text
    assert "A proxy in front must pass Host" in answer.text
    assert CommandFolder(served.planted.settings.commands_dir).waiting() == []


@pytest.mark.parametrize(
    "body", ["", "token=%", f"token={TOKEN}", f"token={TOKEN}&seen=x", "&" * 4000, "a=\xff"]
)
def test_odd_forms_are_answered(served: Served, body: str) -> None:
    case = served.cases["failed"]
    assert served.post(f"/cases/{case.id}/cancel", body).status in (400, 403)
    assert CommandFolder(served.planted.settings.commands_dir).waiting() == []


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/", "/metrics", "/health", "/style.css"])
def test_reading_takes_the_token_where_there_is_one(guarded: Served, path: str) -> None:
    refused = guarded.get(path)
    assert (refused.status, refused.headers["www-authenticate"].split()[0]) == (401, "Basic")
    for wrong in ("Bearer no", basic("no"), "Basic %%%", "Basic /w==", READING, f"Digest {READING}"):
        assert guarded.get(path, Authorization=wrong).status == 401
    for right in (f"Bearer {READING}", basic(READING)):
        assert guarded.get(path, Authorization=right).status != 401
    assert guarded.get("/health/live").status == 200


def test_the_token_for_reading_is_not_the_one_for_asking(guarded: Served) -> None:
    planted = guarded.planted
    case = planted.series(1)
    answer = guarded.post(
        f"/cases/{case.id}/cancel", f"token={READING}&seen=1", Authorization=f"Bearer {READING}"
    )
    assert answer.status == 403


def test_the_acting_token_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "web.token"
    token = acting_token(path)
    secret = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 32
    assert token.is_same(secret)
    acting_token(path)
    assert path.read_text().strip() == secret


def test_a_page_that_died_while_it_made_the_token_starts_again(tmp_path: Path) -> None:
    (tmp_path / "web.token.part").write_text("half")
    token = acting_token(tmp_path / "web.token")
    assert token.is_same((tmp_path / "web.token").read_text().strip())
    assert not (tmp_path / "web.token.part").exists()


def test_a_token_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(SettingsError, match="cannot be read"):
        read_token(path)
    path.write_text("x" * 20)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_token(path)
    path.chmod(0o600)
    assert read_token(path).is_same("x" * 20)
    path.write_text("short\n")
    with pytest.raises(SettingsError, match="at least 16"):
        read_token(path)


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.1", "::", "node.example"])
def test_more_than_this_machine_takes_a_token_and_tls(bind: str) -> None:
    with pytest.raises(ValueError, match="needs read_token_file"):
        WebSettings(bind=bind)
    with pytest.raises(ValueError, match="behind_proxy"):
        WebSettings(bind=bind, read_token_file="t")
    WebSettings(bind=bind, read_token_file="t", behind_proxy=True)
    WebSettings(bind=bind, read_token_file="t", tls_certificate="c", tls_key="k")


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_neither(bind: str) -> None:
    assert WebSettings(bind=bind).is_local
    with pytest.raises(ValueError, match="go together"):
        WebSettings(bind=bind, tls_key="k")
