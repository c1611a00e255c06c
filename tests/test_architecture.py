"""Imports flow one way, the receiver stays light, only commands speak, and every dependency is declared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import (
    ALLOWED,
    PACKAGES,
    declared_packages,
    forbidden_arrows,
    heavy_imports,
    speech,
    undeclared,
    unused,
)
from tests.import_graph import Import, closure, modules_of, read_imports, within

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def modules() -> dict[str, Path]:
    return modules_of(ROOT, PACKAGES)


@pytest.fixture(scope="module")
def imports(modules: dict[str, Path]) -> list[Import]:
    return read_imports(modules)


@pytest.fixture(scope="module")
def declared() -> dict[str, set[str]]:
    return declared_packages(ROOT / "pyproject.toml")


@pytest.fixture(scope="module")
def run_by_demo(imports: list[Import]) -> list[Import]:
    """What the demonstration needs besides the node: it draws its synthetic knee with trainer.cli."""
    loaded = set(closure(["trainer.cli"], imports, deferred=False))
    return [
        found
        for found in imports
        if within(found.importer, "trainer.phantom") or (found.importer in loaded and not found.deferred)
    ]


def test_every_arrow_between_rooms_is_allowed(imports: list[Import]) -> None:
    assert forbidden_arrows(imports) == []


def test_every_room_is_listed(modules: dict[str, Path]) -> None:
    rooms = (*ALLOWED, "ctsma_node.__main__")
    unlisted = [name for name in modules if name != "ctsma_node" and not any(within(name, r) for r in rooms)]
    assert unlisted == [], "a new room needs a row in ALLOWED"


def test_no_row_is_left_of_a_room_that_is_gone(modules: dict[str, Path]) -> None:
    assert [room for room in ALLOWED if room not in modules] == []


def test_what_answers_the_network_reaches_nothing_heavy(
    modules: dict[str, Path], imports: list[Import]
) -> None:
    assert heavy_imports(modules, imports) == []


def test_only_commands_print_or_exit(modules: dict[str, Path]) -> None:
    assert list(speech(modules)) == []


@pytest.mark.parametrize("module", ["ctsma_node.receive.service", "ctsma_node.web.service", "ctsma_node.cli"])
def test_loading_does_not_load_torch(module: str) -> None:
    script = f"import sys, {module}; print(sorted({{'torch', 'monai'}} & set(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_package_imported_is_declared(imports: list[Import], declared: dict[str, set[str]]) -> None:
    """Nothing works by the accident of what another package installs."""
    trainer = declared[""] | declared["trainer"]
    assert undeclared(imports, {"ctsma_node": declared[""], "trainer": trainer}) == []


def test_every_package_the_tests_import_is_declared(declared: dict[str, set[str]]) -> None:
    folders = ("tests", "benchmarks")
    everything = set[str]().union(*declared.values())
    assert undeclared(read_imports(modules_of(ROOT, folders)), dict.fromkeys(folders, everything)) == []


def test_a_node_installs_nothing_that_it_does_not_import(
    imports: list[Import], run_by_demo: list[Import], declared: dict[str, set[str]]
) -> None:
    of_the_node = [found for found in imports if within(found.importer, "ctsma_node")]
    assert unused([*of_the_node, *run_by_demo], declared[""]) == set()


def test_the_demonstration_needs_nothing_of_the_trainers_extra(
    run_by_demo: list[Import], declared: dict[str, set[str]]
) -> None:
    assert undeclared(run_by_demo, dict.fromkeys(PACKAGES, declared[""])) == []
