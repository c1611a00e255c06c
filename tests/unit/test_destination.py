"""`destination pause` and `resume`: asked for by a file, followed by the worker, shown by `status`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ctsma_node.cli import app, destination
from ctsma_node.config import load
from ctsma_node.ledger.cases import Cases
from ctsma_node.pauses import PauseFolder
from ctsma_node.worker.pausing import Pausing

SETTINGS = """
[node]
state_dir = "state"
[[destinations]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = 104
proof = "find"
"""


class Node:
    """A worker that does nothing but follow the pauses."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "node.toml"
        self.config.write_text(SETTINGS)
        settings = load(self.config, {})
        settings.node.state_dir.mkdir()
        self.cases = Cases(settings.ledger_path)
        self.pausing = Pausing(PauseFolder(settings.paused_dir), self.cases)

    def run(self, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "--config", str(self.config)])
        return done.exit_code, done.output


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(destination, "_PATIENCE_S", 0.2)
    made = Node(tmp_path)
    yield made
    made.cases.close()


def test_a_pause_is_asked_for_and_followed(node: Node) -> None:
    node.pausing.prepare()
    assert node.run("destination", "pause", "pacs") == (0, "Asked for. The worker does it when it starts.\n")
    assert node.cases.paused() == {}
    node.pausing.sweep()
    assert set(node.cases.paused()) == {"pacs"}
    assert node.run("destination", "pause", "pacs") == (0, "pacs is paused now.\n")
    node.run("destination", "resume", "pacs")
    node.pausing.sweep()
    assert node.cases.paused() == {}


def test_the_command_waits_for_the_worker(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "_PATIENCE_S", 20.0)
    node.pausing.prepare()
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(0.02):
            node.pausing.sweep()

    worker = threading.Thread(target=follow)
    worker.start()
    try:
        assert node.run("destination", "pause", "pacs")[1].endswith("pacs is paused now.\n")
        assert node.run("destination", "resume", "pacs")[1].endswith("pacs is delivered to now.\n")
    finally:
        stop.set()
        worker.join()


def test_an_unknown_destination_is_told(node: Node) -> None:
    node.pausing.prepare()
    for verb in ("pause", "resume"):
        code, output = node.run("destination", verb, "../pasc")
        assert code == 2
        assert "known: pacs" in output


def test_a_destination_that_left_the_settings_can_be_resumed(node: Node) -> None:
    node.pausing.prepare()
    node.run("destination", "pause", "pacs")
    node.pausing.sweep()
    node.config.write_text('[node]\nstate_dir = "state"\n')
    assert node.run("destination", "resume", "pacs")[0] == 0
    node.pausing.sweep()
    assert node.cases.paused() == {}


def test_nothing_can_be_paused_before_a_worker_has_run(node: Node) -> None:
    code, output = node.run("destination", "pause", "pacs")
    assert code == 1
    assert "No worker has run here yet" in output


def test_status_shows_how_a_destination_stands(node: Node) -> None:
    node.cases.pause("pacs")
    code, output = node.run("status", "--json")
    (found,) = json.loads(output)["destinations"]
    assert code == 0
    assert (found["name"], found["proof"], found["pending"], found["answered_at"]) == (
        "pacs",
        "find",
        0,
        None,
    )
    _, output = node.run("status")
    assert "0 pending, 0 sent, 0 delivered, 0 rejected, 0 failed (proof: find)" in output
