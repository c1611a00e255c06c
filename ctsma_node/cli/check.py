"""`check-config`: everything that can be known to be wrong before the first series comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.doctor.finding import Verdict
from ctsma_node.cli.doctor.objects import examine_objects
from ctsma_node.cli.named_files import named_files
from ctsma_node.cli.terminal import USAGE, ConfigOption, out, settings_from, spoken_errors, text_table
from ctsma_node.config import AnyDestination, Settings
from ctsma_node.config.listeners import clashes
from ctsma_node.config.peers import CalledSettings
from ctsma_node.config.settings import WebSettings
from ctsma_node.errors import NodeError
from ctsma_node.tls import ServerContext

Finding = tuple[str, Verdict, str]
_COLOUR = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "check-config",
        epilog="Example: [b]ctsma-node check-config --config node.toml --echo[/b]. "
        "Exit code 2: something is wrong; a warning counts for nothing.",
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
    table = text_table("what", "", "finding")
    for what, verdict, finding in findings:
        table.add_row(escape(what), f"[{_COLOUR[verdict]}]{verdict}[/]", escape(finding))
    out.print(table)
    if any(verdict is Verdict.WRONG for _, verdict, _ in findings):
        raise typer.Exit(USAGE)


def _local(settings: Settings) -> Iterator[Finding]:
    node = settings.node
    yield "node", Verdict.OK, f"{node.ae_title} on {node.bind}: {_ports(settings)}"
    for clash in clashes(settings):
        yield "ports", Verdict.WRONG, clash
    yield _writable(node.state_dir)
    yield _found("tls", lambda: _certificate(settings))
    known = ", ".join(f"{each.ae_title} ({', '.join(each.addresses)})" for each in settings.sources)
    yield "sources", _unless(known), known or "none: nobody may send; add a [[sources]]"
    named = ", ".join(f"{each.name} ({_peer(each)})" for each in settings.destinations)
    yield "destinations", _unless(named), named or "none: results stay here; add a [[destinations]]"
    for destination in settings.destinations:
        for finding in examine_objects(destination):
            yield f"{finding.what} {finding.area}", finding.verdict, finding.text
    called: dict[str, CalledSettings] = {
        each.name: each for each in settings.destinations if each.kind == "dicom"
    }
    called |= {f"query of {each.ae_title}": each.query for each in settings.sources if each.query}
    for name, peer in called.items():
        if peer.tls:
            yield _found(f"tls {name}", partial(_encrypted, settings, peer))
    for each in named_files(settings):
        yield _found(each.setting, each.check)
    yield _found("bundle", lambda: _bundle(settings))
    yield _found("page", lambda: _page(settings.web))


def _unless(named: str) -> Verdict:
    """Without sources or destinations a node runs, and an upgrade of it is no reason to stop."""
    return Verdict.OK if named else Verdict.WARNING


def _judged(fine: bool) -> Verdict:
    return Verdict.OK if fine else Verdict.WRONG


def _ports(settings: Settings) -> str:
    plain = f"port {settings.node.port}, not encrypted"
    if not settings.tls.enabled:
        return plain
    secure = f"port {settings.tls.port} over TLS"
    return secure if settings.tls.required else f"{secure}, {plain}"


def _certificate(settings: Settings) -> str:
    """The node's own certificate; raises SettingsError where it could not serve."""
    if not settings.tls.enabled:
        return "off"
    context = ServerContext(settings.tls)
    unbound = [each.ae_title for each in settings.sources if not each.is_bound]
    bound = f"; not bound to a certificate: {', '.join(unbound)}" if unbound else ""
    return f"{settings.tls.certificate}, valid for {context.days} days{bound}"


def _encrypted(settings: Settings, peer: CalledSettings) -> str:
    """How a peer is called; raises SettingsError where a file is not what it should be."""
    from ctsma_node.worker.encryption import client_tls

    tls = client_tls(settings, peer)
    assert tls is not None
    tls.context()
    known_by = "its fingerprint" if tls.sha256 else tls.name
    return f"known by {known_by}, {tls.certificate or 'no certificate'} is shown"


def _peer(destination: AnyDestination) -> str:
    return destination.url if destination.kind == "dicomweb" else destination.ae_title


def _writable(folder: Path) -> Finding:
    """Whether the state folder can be made or written, by this user."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    fine = os.access(there, os.W_OK | os.X_OK) and there.is_dir()
    return (
        "state",
        _judged(fine),
        f"{folder}" if fine else f"{folder}: {there} cannot be written by this user",
    )


def _bundle(settings: Settings) -> str:
    from ctsma_node.analysis.bundle import read_bundle

    chosen = settings.analysis
    bundle = read_bundle(chosen.bundle_folder, chosen.signer)
    signed = ", signed" if chosen.signer else ""
    return f"{bundle.plan.name} {bundle.plan.version}, sha256 {bundle.digest[:12]}{signed}"


def _page(web: WebSettings) -> str:
    from ctsma_node.web.certificate import check_certificate
    from ctsma_node.web.tokens import read_token

    check_certificate(web)
    if web.read_token_file:
        read_token(Path(web.read_token_file))
    scheme = "https" if web.tls_key else "http"
    return f"{scheme}://{web.bind}:{web.port}" + ("" if web.enabled else ", not started by `serve`")


def _destinations(settings: Settings) -> Iterator[Finding]:
    from ctsma_node.deliver import echo
    from ctsma_node.worker.routes import peer_of, web_archive_of

    for each in settings.destinations:
        if each.kind == "dicomweb":
            fine, text = web_archive_of(settings, each).check()
            yield f"QIDO-RS {each.name}", _judged(fine), f"{each.url}: {text}"
            continue
        fine, text = echo(peer_of(settings, each))
        yield f"C-ECHO {each.name}", _judged(fine), f"{each.ae_title} at {each.host}:{each.port}: {text}"


def _found(what: str, find: Callable[[], str]) -> Finding:
    try:
        return what, Verdict.OK, find()
    except NodeError as error:
        return what, Verdict.WRONG, str(error)
