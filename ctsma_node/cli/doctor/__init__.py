"""`doctor`: looks at all that a node needs, and says what to do where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ctsma_node.cli.doctor import certificates, machine
from ctsma_node.cli.doctor.finding import Finding, Verdict, ok, warning, wrong
from ctsma_node.cli.named_files import NamedFile, named_files
from ctsma_node.cli.terminal import FAILED, ConfigOption, out, settings_from, spoken_errors, text_table
from ctsma_node.config import DestinationSettings, Settings
from ctsma_node.errors import SettingsError

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red", Verdict.SKIPPED: "dim"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node doctor --config node.toml[/b], as the service's user. Exit code 1: "
        "something is wrong; warnings alone end with 0. `check-config` is the quick look at the settings."
    )(doctor)


def doctor(
    config: ConfigOption = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="Also send a test instance to every destination, look for it, and ask for Storage "
            "Commitment where that is its proof. It is to be deleted there by hand.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for scripts.")] = False,
) -> None:
    """Examine the machine, the bundle, the node's port and every destination."""
    from ctsma_node.cli.doctor.routing import routing

    with spoken_errors():
        settings = settings_from(config)
        findings = list(_examine(settings, store))
    to_type = routing(settings)
    if as_json:
        described = {"findings": [asdict(each) for each in findings], "routing": to_type.fields()}
        out.out(json.dumps(described, indent=1), highlight=False)
    else:
        out.print(_table(findings))
        for each in findings:
            if each.remedy:
                text = escape(f"{each.area}, {each.what}: {each.remedy}")
                out.print(f"[{_COLOURS[each.verdict]}]To do[/] {text}", soft_wrap=True)
        out.print("\n[b]To type into the PACS[/b]")
        out.print(escape("\n".join(to_type.lines())), soft_wrap=True)
    if any(each.verdict is Verdict.WRONG for each in findings):
        raise typer.Exit(FAILED)


def _examine(settings: Settings, store: bool) -> Iterator[Finding]:
    from ctsma_node.cli.doctor import network
    from ctsma_node.cli.doctor.objects import examine_objects
    from ctsma_node.cli.doctor.own_ports import examine_node
    from ctsma_node.worker.routes import peer_of, proof_peer_of, web_archive_of

    yield from machine.examine(settings)
    yield from certificates.examine(settings)
    yield from examine_node(settings)
    if not settings.destinations:
        yield warning("node", "destinations", "results stay here", "Add a [[destinations]].")
    for named in named_files(settings):
        yield _looked_at(named)
    for each in settings.destinations:
        yield from examine_objects(each)
        if each.kind == "dicomweb":
            yield from network.examine_web(each, web_archive_of(settings, each))
            continue
        trial = partial(_try_storing, settings, each) if store else None
        yield from network.examine_destination(each, peer_of(settings, each), trial)
        yield from network.examine_proof(each, proof_peer_of(settings, each))


def _looked_at(named: NamedFile) -> Finding:
    try:
        return ok("files", named.setting, named.check())
    except SettingsError as error:
        return wrong("files", named.setting, str(error), "Name a file that the service can read, and use.")


def _try_storing(settings: Settings, destination: DestinationSettings) -> Iterator[Finding]:
    """A test instance is stored, found and, where that proves deliveries, committed."""
    from ctsma_node.cli.doctor.commitment import commit
    from ctsma_node.cli.doctor.instance import probe_instance, store_and_find
    from ctsma_node.worker.routes import peer_of, proof_peer_of

    area, ds, is_stored = destination.name, probe_instance(), True
    asked = proof_peer_of(settings, destination)
    for finding in store_and_find(area, peer_of(settings, destination), asked, ds):
        is_stored = is_stored and finding.verdict is not Verdict.WRONG
        yield finding
    if is_stored and destination.proof == "commitment":
        yield from commit(area, settings, asked, ds)


def _table(findings: Sequence[Finding]) -> Table:
    table = text_table("where", "what", "", "finding")
    for each in findings:
        colour = _COLOURS[each.verdict]
        table.add_row(
            escape(each.area), escape(each.what), f"[{colour}]{each.verdict}[/{colour}]", escape(each.text)
        )
    return table
