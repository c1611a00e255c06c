"""On a terminal the step that runs is seen with its latest line, and each that ended with its last."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.trainer.reproduce.made import step_of
from trainer.cli import watching
from trainer.reproduce.record import Entry


def test_steps_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    screen = StringIO()
    monkeypatch.setattr(watching, "console", Console(file=screen, force_terminal=True, width=150))
    step = step_of("phantom", tmp_path)
    entry = Entry(command="c", making="c", exit_code=3, seconds=61.4, began="", log="log/01-phantom.log")
    with watching.Shown(2) as shown:
        shown.begun(1, step)
        shown.line("subjects: 3 of 8 [P0003]")
        shown.line("━━━━━━")
        shown.bar.refresh()
        shown.ended(1, step, entry, "no [room] is left")
        shown.skipped(2, step, entry)
    seen = screen.getvalue()
    for text in ("1/2 phantom", "subjects: 3 of 8 [P0003]", "61 s", "failed (3)", "no [room] is left"):
        assert text in seen
    assert "done before" in seen
