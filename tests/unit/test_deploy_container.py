"""The container file names what exists, and runs as nobody in particular."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ctsma_node.cli import app
from ctsma_node.cli.terminal import SYSTEM_CONFIG
from ctsma_node.config import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """(instruction, arguments) in their order, continued lines joined."""
    text = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined)]


def of(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in steps if instruction == name]


def test_instructions_are_known(steps: list[tuple[str, str]]) -> None:
    known = "FROM ARG ENV RUN COPY USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD"
    assert {name for name, _ in steps} <= set(known.split())


def test_everything_that_is_copied_exists_and_reaches_the_build(steps: list[tuple[str, str]]) -> None:
    kept = [line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        part for rest in of(steps, "COPY") if not rest.startswith("--from") for part in rest.split()[:-1]
    ]
    assert len(copied) >= 6
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(fnmatch.fnmatch(name, each) for each in kept), name


def test_commands_and_their_options_exist(steps: list[tuple[str, str]]) -> None:
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    (entry,) = of(steps, "ENTRYPOINT")
    assert json.loads(entry) == ["ctsma-node"]
    (health,) = of(steps, "HEALTHCHECK")
    (start,) = of(steps, "CMD")
    for words in (json.loads(start), json.loads(health.partition("CMD ")[2])[1:]):
        command, *options = words
        known = {name for parameter in commands[command].params for name in parameter.opts}
        assert {each for each in options if each.startswith("--")} <= known
        assert options[-1] == str(SYSTEM_CONFIG)


def test_its_health_is_that_of_the_node(steps: list[tuple[str, str]]) -> None:
    (check,) = of(steps, "HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2])[:2] == ["ctsma-node", "health"]


def test_the_process_is_not_root_and_writes_the_volume_alone(steps: list[tuple[str, str]]) -> None:
    assert of(steps, "USER") == ["10104:10104"]
    assert of(steps, "VOLUME") == [str(Settings().node.state_dir)]
    assert of(steps, "EXPOSE") == [str(Settings().node.port)]


def test_torch_is_that_of_the_makefile(steps: list[tuple[str, str]]) -> None:
    pinned = re.search(r"^TORCH \?= (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned is not None
    (argument,) = of(steps, "ARG")
    assert argument.startswith(f'TORCH="{pinned[1]}')
