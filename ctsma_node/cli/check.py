"""`check-config`: everything that can be known to be wrong before the first series comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ctsma_node.cli.terminal import USAGE, ConfigOption, out, settings_from, spoken_errors
from ctsma_node.config import AnyDestination, Settings
from ctsma_node.errors import NodeError

Finding = tuple[str, bool, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "check-config",
        epilog="Example: [b]ctsma-node check-config --config node.toml --echo[/b]. "
        "Exit code 2: something is wrong.",
    )(check_config)


def check_config(
    config: ConfigOption = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="Ask every destination with a C-ECHO (DICOMweb: a QIDO-RS), too.")
    ] = False,
) -> None:
    """Check the settings, the state folder and the bundle; with --echo also the destinations."""
    with spoken_errors():
        settings = settings_from(config)
        findings = [*_local(settings), *(_destinations(settings) if echo else ())]
    table = Table("what", "", "finding")
    for what, fine, finding in findings:
        table.add_row(what, "[green]ok[/green]" if fine else "[red]wrong[/red]", escape(finding))
    out.print(table)
    if not all(fine for _, fine, _ in findings):
        raise typer.Exit(USAGE)


def _local(settings: Settings) -> Iterator[Finding]:
    node = settings.node
    yield "node", True, f"{node.ae_title} on {node.bind}:{node.port}"
    yield _writable(node.state_dir)
    known = ", ".join(f"{each.ae_title} ({', '.join(each.addresses)})" for each in settings.sources)
    yield (
        "sources",
        bool(settings.sources),
        known or "none: nobody may send; add a [[sources]]".replace("[", r"\["),
    )
    named = ", ".join(f"{each.name} ({_peer(each)})" for each in settings.destinations)
    yield (
        "destinations",
        bool(settings.destinations),
        named or "none: results stay here; add a [[destinations]]".replace("[", r"\["),
    )
    yield _found("bundle", lambda: _bundle(settings))


def _peer(destination: AnyDestination) -> str:
    return destination.url if destination.kind == "dicomweb" else destination.ae_title


def _writable(folder: Path) -> Finding:
    """Whether the state folder can be made or written, by this user."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    fine = os.access(there, os.W_OK | os.X_OK) and there.is_dir()
    return "state", fine, f"{folder}" if fine else f"{folder}: {there} cannot be written by this user"


def _bundle(settings: Settings) -> str:
    from ctsma_node.analysis.bundle import read_bundle

    chosen = settings.analysis
    bundle = read_bundle(chosen.bundle_folder, chosen.signer)
    signed = ", signed" if chosen.signer else ""
    return f"{bundle.plan.name} {bundle.plan.version}, sha256 {bundle.digest[:12]}{signed}"


def _destinations(settings: Settings) -> Iterator[Finding]:
    from ctsma_node.deliver import echo
    from ctsma_node.worker.routes import peer_of, web_archive_of

    for each in settings.destinations:
        if each.kind == "dicomweb":
            fine, text = web_archive_of(settings, each).check()
            yield f"QIDO-RS {each.name}", fine, f"{each.url}: {text}"
            continue
        fine, text = echo(peer_of(settings, each))
        yield f"C-ECHO {each.name}", fine, f"{each.ae_title} at {each.host}:{each.port}: {text}"


def _found(what: str, find: Callable[[], str]) -> Finding:
    try:
        return what, True, find()
    except NodeError as error:
        return what, False, str(error)
