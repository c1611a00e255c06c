"""`ctsma-node`: the only place of the node that prints or exits."""

from __future__ import annotations

import warnings

import typer

from ctsma_node import __version__
from ctsma_node.cli import (
    analyse,
    ask,
    backup,
    check,
    codes,
    conformance,
    demo,
    destination,
    doctor,
    explain,
    export_case,
    health,
    purge,
    send,
    services,
    status,
    validate,
)
from ctsma_node.cli.terminal import out

app = typer.Typer(
    name="ctsma-node",
    help="A DICOM node that measures the trabecular bone of knee CTs. Research use only.",
    epilog="Start with [b]ctsma-node demo[/b], or [b]ctsma-node check-config --config node.toml[/b] "
    "and [b]ctsma-node serve --config node.toml[/b]. Exit codes: 0 done, 1 failed, 2 wrong usage or "
    "settings, 3 refused (not fit for analysis).",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold headers
)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"ctsma-node {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Common options of every command."""
    # pydicom's quote raw values of headers, which are nobody's business. The services log where they arose.
    warnings.simplefilter("ignore")


_SERVING = (services, analyse, validate, send, status, health, explain, ask, destination, check, demo)
_OPERATING = (purge, doctor, backup, export_case, codes, conformance)

for _commands in (*_SERVING, *_OPERATING):
    _commands.register(app)
