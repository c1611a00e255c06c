"""The arrows between the rooms that DESIGN allows, and the checks that read the imports for others."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.import_graph import Import, chain, closure, within

PACKAGES = ("ctsma_node", "trainer")
_UNPACKAGED = ("dicom_templates", "tests", "benchmarks")

_ROWS = {
    "errors": "",
    "volume": "",
    "log": "errors",
    "records": "errors",
    "spool": "errors records",
    "systemd": "",
    "uids": "",
    "heartbeat": "spool",
    "clock": "log spool",
    "rounds": "log",
    "commands": "errors spool",
    "releases": "errors spool",
    # Whether a stack is whole is asked before it is read and when it is: one geometry serves both.
    "completion": "records assemble.stack",
    # The receiver leaves free what the worker may fill.
    "quota": "errors",
    # What operators pause is asked for by a command and followed by the worker.
    "pauses": "errors spool",
    # A commitment report comes to the receiver or to a courier: both read it alike.
    "commitment": "records uids",
    # A migrated file's copy is made durable as the spool makes its files.
    "ledger": "errors records spool",
    # The site's limits for the gate are settings: config holds the gate's own frozen type.
    "config": "errors gate",
    # Certificates and what both sides of a connection agree to: for whoever opens or takes one.
    "tls": "errors log config",
    "audit": "errors log config tls",
    # The receiver acknowledges only what its index holds: it writes the inbox, never the worker's ledger.
    # It purges the spool, which is its own, by what the worker's file says has ended: that it only reads.
    "receive": "errors log records config spool heartbeat systemd ledger.inbox ledger.inbox_purge"
    " ledger.retention tls audit commitment quota releases uids clock rounds",
    "assemble": "errors volume uids",
    # The gate judges the series and the volume that assembling produced, and takes their types.
    "gate": "errors volume assemble uids",
    "analysis": "errors volume",
    # The site's rules are settings; a series is described by what assembling reads of it.
    "choice": "errors config assemble",
    # The report is written from the typed result, and from nothing else of the analysis.
    "report": "errors volume analysis.result uids",
    # What is written is judged by nothing of what made it, but for the typed result that it has to say.
    "validation": "analysis.result",
    "deliver": "errors log records config tls commitment",
    "notices": "errors config",
    "backup": "errors clock config spool ledger pauses",
    "export": "errors log records config ledger",
    # One way of asking serves every SCU; responses are read as leniently as instances.
    "query": "errors deliver.association deliver.c_find assemble.attributes",
    "worker": "errors log records config volume spool heartbeat systemd commands ledger completion assemble"
    " gate choice analysis report validation deliver query notices audit tls commitment pauses quota"
    " clock rounds",
    # The certificate of the page is looked at as those for DICOM are.
    "web": "errors log records config spool heartbeat commands ledger quota tls",
    "demo": "errors log records config ledger analysis.result",
    # What each code means is told from the tables of those who give it.
    "codes": "gate choice receive.refusal",
    # The statement is written from the tables of whoever answers, asks, makes and sends.
    "conformance": "config receive query deliver report analysis.result tls",
    # The commands start everything.
    "cli": "errors log records config volume spool commands ledger completion receive assemble gate"
    " choice analysis report validation deliver worker notices backup export web demo tls conformance codes"
    " pauses quota releases",
}

ALLOWED: dict[str, frozenset[str]] = {
    **{
        f"ctsma_node.{room}": frozenset(f"ctsma_node.{to}" for to in row.split())
        for room, row in _ROWS.items()
    },
    # A cohort's CT series are read by the very code that reads a node's: assemble. How many faults a node
    # refuses is asked of its own gate.
    "trainer": frozenset(
        f"ctsma_node.{to}" for to in ("errors", "uids", "volume", "assemble", "gate", "analysis")
    ),
}
"""A room may import itself, and of the project nothing but the rooms in its row.

The steps (receive, assemble, gate, analysis, report, deliver) take values and return values, so no step's row
names another step or the ledger, except where a comment says why.
"""

LIGHT = tuple(
    f"ctsma_node.{room}"
    for room in (
        *(
            "receive",
            "web",
            "ledger",
            "spool",
            "heartbeat",
            "systemd",
            "commands",
            "config",
            "records",
            "log",
        ),
        *("completion", "errors", "volume", "tls", "audit", "commitment", "pauses", "quota", "uids"),
    )
)
_HEAVY_PACKAGES = ("torch", "monai", "matplotlib", "SimpleITK", "skimage", "highdicom")
HEAVY = (*_HEAVY_PACKAGES, "ctsma_node.analysis", "ctsma_node.worker")
"""Whoever answers the network loads none of these, by whatever path."""

SPEAKERS = ("ctsma_node.cli", "trainer.cli")
SPEECH = {"print", "exit", "quit", "SystemExit"} | {
    "sys.exit",
    "os._exit",
    "sys.stdout.write",
    "sys.stderr.write",
}
"""The commands are the only place that prints or exits."""


def forbidden_arrows(imports: Iterable[Import]) -> list[str]:
    """The imports between rooms that no row of ALLOWED lists."""
    ours = [found for found in imports if any(within(found.imported, package) for package in PACKAGES)]
    return [str(found) for found in ours if not _is_allowed(found)]


def _is_allowed(found: Import) -> bool:
    if "ctsma_node" in (found.importer, found.imported):
        return found.importer != "ctsma_node"  # the package itself holds the version, for all to read
    room = next((room for room in ALLOWED if within(found.importer, room)), found.importer)
    return any(within(found.imported, target) for target in {room} | ALLOWED.get(room, frozenset()))


def heavy_imports(modules: Iterable[str], imports: Iterable[Import]) -> list[str]:
    """How a light module reaches a heavy one, as chains."""
    light = [name for name in modules if any(within(name, room) for room in LIGHT)]
    reached = closure(light, imports)
    return [chain(reached, name) for name in reached if any(within(name, heavy) for heavy in HEAVY)]


def speech(modules: dict[str, Path]) -> Iterator[str]:
    """Where a module that is no command prints or ends the program."""
    for name, path in modules.items():
        if any(within(name, speaker) for speaker in SPEAKERS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (said := ast.unparse(node.func)) in SPEECH:
                yield f"{name}:{node.lineno} calls {said}"


DECODERS = frozenset({"pyjpegls", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg"})
"""Distributions that pydicom finds by itself, so that no module imports them."""


def undeclared(imports: Iterable[Import], declared: dict[str, set[str]]) -> list[str]:
    """Imports of third-party packages that no distribution in the set of the importer's package provides."""
    missing = []
    for found in imports:
        top = found.imported.partition(".")[0]
        if top in sys.stdlib_module_names or top in (*PACKAGES, *_UNPACKAGED):
            continue
        if not _providers(found) & declared[found.importer.partition(".")[0]]:
            missing.append(str(found))
    return missing


def unused(imports: Iterable[Import], declared: set[str]) -> set[str]:
    """The declared distributions that no import needs."""
    return declared - DECODERS - {name for found in imports for name in _providers(found)}


def _providers(found: Import) -> set[str]:
    top = found.imported.partition(".")[0]
    return {normal(name) for name in _distributions().get(top, [])}


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def declared_packages(pyproject: Path) -> dict[str, set[str]]:
    """The distributions that pyproject.toml requires, by extra; "" for what is always installed."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {normal(re.split(r"[\[<>=!~; ]", line)[0]) for line in lines} for extra, lines in lists.items()
    }


def normal(distribution: str) -> str:
    """A distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
