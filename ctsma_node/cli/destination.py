"""`destination pause` and `destination resume`: hold back what goes to one destination, and let it go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import USAGE, ConfigOption, err, out, settings_from, spoken_errors
from ctsma_node.config import Settings
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.pauses import PauseFolder

_PATIENCE_S = 5.0

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name in the settings.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog="Example: [b]ctsma-node destination pause pacs[/b]. It holds over restarts.")(pause)
    group.command(epilog="Example: [b]ctsma-node destination resume pacs[/b]")(resume)
    app.add_typer(
        group,
        name="destination",
        help="Hold back what goes to one destination, and let it go.",
        epilog="Example: [b]ctsma-node destination pause pacs[/b]",
    )


def pause(name: NameArgument, config: ConfigOption = None) -> None:
    """Send nothing to a destination for now; its deliveries wait, and their horizon stands still."""
    with spoken_errors():
        settings = settings_from(config)
        _known(settings, name)
        PauseFolder(settings.paused_dir).pause(name)
        _await(settings, name, lambda paused: name in paused, "paused")


def resume(name: NameArgument, config: ConfigOption = None) -> None:
    """Deliver to a destination again: what waits for it is due at once."""
    with spoken_errors():
        settings = settings_from(config)
        folder = PauseFolder(settings.paused_dir)
        if name not in folder.names():
            _known(settings, name)
        folder.resume(name)
        _await(settings, name, lambda paused: name not in paused, "delivered to")


def _known(settings: Settings, name: str) -> None:
    names = [each.name for each in settings.destinations]
    if name not in names:
        known = ", ".join(names) or "none"
        text = f"there is no destination {name!r} in the settings (known: {known})."
        err.print(f"[red]Unknown[/red]: {escape(text)}")
        raise typer.Exit(USAGE)


def _await(settings: Settings, name: str, done: Callable[[dict[str, float]], bool], what: str) -> None:
    """Wait a while for the worker to see it."""
    cases = CasesReader(settings.ledger_path)
    deadline = time.monotonic() + _PATIENCE_S
    while not done(cases.paused()):
        if time.monotonic() > deadline:
            out.print("Asked for. The worker does it when it starts.")
            return
        time.sleep(0.05)
    out.print(f"{escape(name)} is {what} now.")
