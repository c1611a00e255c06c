"""`check-config` on TLS: what would keep the node from serving is known before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctsma_node.cli import app
from ctsma_node.cli.doctor.certificates import examine
from ctsma_node.config import load
from ctsma_node.errors import SettingsError
from ctsma_node.web.service import run as run_page
from tests.fixtures.certificates import Authority

_SETTINGS = """\
[node]
state_dir = "state"

[tls]
certificate = "ca/node.pem"
key = "ca/node.key"
ca = "ca/ca.pem"

[[sources]]
ae_title = "SCANNER"
addresses = ["127.0.0.1"]
query = { ae_title = "SCANNER", host = "127.0.0.1", port = 104, tls = true, tls_ca = "ca/ca.pem" }

[[destinations]]
name = "pacs"
ae_title = "PACS"
host = "pacs.example"
port = 2762
tls = true
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "node.toml").write_text(_SETTINGS)
    return Authority(tmp_path / "ca")


def checked(folder: Path) -> str:
    return (
        CliRunner(env={"COLUMNS": "300"})
        .invoke(app, ["check-config", "--config", str(folder / "node.toml")])
        .output
    )


def test_what_is_served_and_shown_is_told(authority: Authority, tmp_path: Path) -> None:
    authority.issue("node")
    said = checked(tmp_path)
    assert "port 2762 over TLS" in said
    assert "not encrypted" not in said
    assert "valid for 364 days; not bound to a certificate: SCANNER" in said
    assert "known by pacs.example" in said


_PAGE = '[node]\nstate_dir = "state"\n[web]\ntls_certificate = "ca/page.pem"\ntls_key = "ca/page.key"\n'


def test_a_certificate_of_the_page_that_is_not_there_is_found(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(_PAGE)
    assert f"{tmp_path / 'ca' / 'page.pem'} or {tmp_path / 'ca' / 'page.key'}: No such file" in checked(
        tmp_path
    )
    settings = load(tmp_path / "node.toml", {})
    with pytest.raises(SettingsError, match=r"page\.pem or .*page\.key: No such file"):
        run_page(settings)
    found = {each.what: str(each.verdict) for each in examine(settings)}
    assert {found["page.pem"], found["page.key"]} == {"wrong"}
    authority.issue("page")
    assert "https://127.0.0.1:8112" in checked(tmp_path)


def test_an_open_key_is_found(authority: Authority, tmp_path: Path) -> None:
    authority.issue("node", mode=0o644)
    said = checked(tmp_path)
    assert said.count("chmod 600") == 3  # for the receiver, the destination and the query
