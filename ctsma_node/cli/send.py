"""`send`: C-STORE a folder to a peer and say what became of every instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ctsma_node.cli.terminal import (
    FAILED,
    USAGE,
    ConfigOption,
    bar,
    err,
    files_in,
    out,
    settings_from,
    spoken_errors,
    text_table,
)
from ctsma_node.config.addresses import ae_title
from ctsma_node.errors import SettingsError

if TYPE_CHECKING:
    from ctsma_node.deliver import Answer, Outgoing
    from ctsma_node.tls import ClientContext


def _ae_title(text: str) -> str:
    """As [node] ae_title of the settings."""
    try:
        return ae_title(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node send scans/knee --to node.example:11112 --aet CTSMA[/b]. The peer "
        "must know our AE title (--calling). Exit code 1: at least one instance was not stored."
    )(send)


def send(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, help="Folder (or file) to send.")],
    to: Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="Where the peer listens.")],
    aet: Annotated[str, typer.Option("--aet", callback=_ae_title, help="The peer's AE title (called).")],
    calling: Annotated[
        str, typer.Option("--calling", callback=_ae_title, help="Our AE title (calling).")
    ] = "CTSMA_SEND",
    tls: Annotated[
        bool, typer.Option("--tls", help="Over TLS; with the certificate of \\[tls] in the settings, if any.")
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="PEM", help="With --tls: who signs the peer's; else \\[tls] ca."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Send the instances of a folder over one association (Storage SCU)."""
    from ctsma_node.deliver import Outcome, Peer, in_reference_order, store

    host, port = _host_and_port(to)
    if ca and not tls:
        raise typer.BadParameter("goes with --tls; without it nothing is encrypted", param_hint="--ca")
    with spoken_errors():
        found, skipped = _read(folder)
    if not found:
        err.print(f"[red]No DICOM Part 10 files[/red] under {escape(str(folder))}.")
        raise typer.Exit(USAGE)
    answers: list[Answer] = []
    with spoken_errors():
        peer = Peer(host, port, aet, calling, tls=_security(host, ca, config) if tls else None)
    ordered = in_reference_order(found, lambda each: each.sop_class_uid)
    with spoken_errors(), bar() as progress:
        task = progress.add_task(f"to {escape(aet)}", total=len(found))
        for answer in store(peer, ordered):
            answers.append(answer)
            progress.advance(task)
    out.print(_table(answers))
    if skipped:
        out.print(f"{skipped} files that are no DICOM Part 10 files were left out.")
    if any(answer.outcome is not Outcome.DELIVERED for answer in answers):
        raise typer.Exit(FAILED)


def _read(folder: Path) -> tuple[list[Outgoing], int]:
    """The instances of a folder, and how many files are none."""
    from ctsma_node.deliver import read_outgoing

    found: list[Outgoing] = []
    skipped = 0
    for path in files_in(folder):
        try:
            found.append(read_outgoing(path))
        except ValueError:
            skipped += 1
    return found, skipped


def _security(host: str, ca: Path | None, config: Path | None) -> ClientContext:
    """As the node calls its destinations. Raises SettingsError where a file is not what it should be."""
    from ctsma_node.tls import ClientContext

    own = settings_from(config).tls
    if not (ca or own.ca):
        raise SettingsError("--tls needs to know who signs the peer's certificate: --ca, or [tls] ca.")
    context = ClientContext(str(ca or own.ca), host, own.certificate, own.key, "" if ca else own.crl)
    context.context()
    return context


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise typer.BadParameter("HOST:PORT is wanted, such as 127.0.0.1:11112", param_hint="--to")
    return host.strip("[]"), int(port)


def _table(answers: Sequence[Answer]) -> Table:
    table = text_table("status", "instances", "outcome", "meaning")
    kinds = Counter((answer.status, answer.outcome.value, answer.text) for answer in answers)
    for (status, outcome, text), count in kinds.most_common():
        table.add_row("none" if status is None else f"0x{status:04X}", str(count), outcome, text)
    return table
