"""systemd may listen for the receiver: it takes the socket that it is given (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ctsma_node import systemd
from ctsma_node.systemd import inherited
from tests.fixtures import raw_peer as raw

_SETTINGS = """\
[node]
port = {port}
state_dir = "state"

[[sources]]
ae_title = "SOURCE"
addresses = ["127.0.0.1"]
"""
_AS_SYSTEMD_DOES = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "ctsma_node.cli", "receive", "--config", sys.argv[2]])
"""


def test_the_receiver_serves_at_the_socket_it_is_given(tmp_path: Path) -> None:
    """A peer that connects before it has started is served, too: nobody else could listen at that port."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = int(given.getsockname()[1])
        config = tmp_path / "node.toml"
        config.write_text(_SETTINGS.format(port=port), encoding="utf-8")
        early = socket.create_connection(("127.0.0.1", port), timeout=60)
        early.sendall(raw.associate_rq())
        command = [sys.executable, "-c", _AS_SYSTEMD_DOES, str(given.fileno()), str(config)]
        log = (tmp_path / "log").open("wb")
        with log, subprocess.Popen(command, pass_fds=[given.fileno()], stderr=log) as process:
            try:
                with early:
                    assert raw.read_pdu(early)[0] == 2
                raw.associated(port).close()
            finally:
                process.terminate()
        assert process.returncode == 0, (tmp_path / "log").read_text()


@pytest.mark.parametrize(("pid", "count"), [("1", "1"), (None, None)])
def test_sockets_for_another_process_are_not_taken(
    monkeypatch: pytest.MonkeyPatch, pid: str | None, count: str | None
) -> None:
    for name, value in (("LISTEN_PID", pid), ("LISTEN_FDS", count)):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    assert inherited(104) is None


def test_the_ports_that_were_given_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody serves would keep its callers waiting."""
    with socket.create_server(("127.0.0.1", 0)) as given, socket.socket(socket.AF_UNIX) as other:
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        port = given.getsockname()[1]
        monkeypatch.setattr(systemd, "_FIRST", given.fileno())
        assert systemd.inherited_ports() == {port}
        taken = inherited(port)
        assert taken is not None
        taken.close()
        assert inherited(port + 1) is None
        monkeypatch.setattr(systemd, "_FIRST", other.fileno())
        assert systemd.inherited_ports() == frozenset()


def test_a_port_that_was_not_given_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "0")
    assert inherited(104) is None
