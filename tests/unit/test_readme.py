"""README and manual name only what exists: commands and their options, make's targets, folders, sections."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import typer.main
from starlette.routing import Route

from ctsma_node.config import Settings
from ctsma_node.config.settings import NodeSettings
from ctsma_node.web.app import make_site
from ctsma_node.web.metrics import NodeMetrics
from ctsma_node.web.observe import Observer
from ctsma_node.web.tokens import Token

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = (ROOT / "deploy" / "operations.md").read_text(encoding="utf-8")
_TRAINER_TEXTS = [*(ROOT / "trainer").rglob("*.md"), *(ROOT / "benchmarks" / "results").glob("*.md")]
UNITS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "deploy").glob("*.service"))


def commands_in(text: str, program: str = "ctsma-node") -> list[tuple[str, list[str]]]:
    """(what follows the program's name, its long options) of each `PROGRAM COMMAND ...` in a text."""
    lines = re.findall(rf"{program} (?!{program})([a-z][a-z0-9-]*)([^`#&|;\n]*)", text.replace("\\\n", " "))
    return [(command, re.findall(r"--[a-z-]+", rest)) for command, rest in lines]


@pytest.fixture(scope="module")
def cli() -> dict[str, Any]:
    """The node's commands by name."""
    from ctsma_node.cli import app

    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return commands


@pytest.mark.parametrize("text", [README, MANUAL, UNITS], ids=["README", "manual", "units"])
def test_commands_and_options_exist(text: str, cli: dict[str, Any]) -> None:
    used = commands_in(text)
    assert used
    for command, options in used:
        known = {name for parameter in cli[command].params for name in parameter.opts}
        assert set(options) <= known, command


def test_trainer_commands_and_options_exist() -> None:
    from trainer.cli import app

    groups = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    texts = [README, *(path.read_text(encoding="utf-8") for path in _TRAINER_TEXTS)]
    used = [each for text in texts for each in commands_in(text, "ctsma-train")]
    assert len(used) > 40
    for command, options in used:
        assert command in groups
        within = getattr(groups[command], "commands", {"": groups[command]}).values()
        given = [parameter for each in within for parameter in each.params]
        known = {name for each in given for name in [*each.opts, *each.secondary_opts, "--help"]}
        assert set(options) <= known, command


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets


def test_folders_and_files_exist() -> None:
    named = re.findall(r"`([\w./-]+/[\w./-]*)`", README) + re.findall(
        r" (requirements/\S+|deploy/\S+)", README
    )
    assert named
    local = [name for name in named if not name.startswith(("./out", "/"))]
    assert [name for name in local if not list(ROOT.glob(name))] == []


def test_paths_and_metrics_of_the_page_exist(tmp_path: Path) -> None:
    settings = Settings(node=NodeSettings(state_dir=tmp_path))
    routes = {
        route.path
        for route in make_site(settings, Token("x" * 16), time.time).routes
        if isinstance(route, Route)
    }
    assert set(re.findall(r"`(/[a-z/]+)`", README)) <= routes
    described = set(re.findall(r"`(ctsma_[a-z_]+)`", README)) - {"ctsma_node"}
    families = {family.name: family.type for family in NodeMetrics(settings, Observer(settings)).collect()}
    named = {f"{name}_total" if kind == "counter" else name for name, kind in families.items()}
    assert described == named


def test_every_section_of_the_settings_is_described() -> None:
    described = set(re.findall(r"`\[+([a-z]+)\]+`", README))
    assert described == set(Settings.model_fields)
