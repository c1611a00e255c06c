"""What the commands share: where they speak, how they end, where their settings come from."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ctsma_node.config import Settings, load
from ctsma_node.errors import BundleError, NodeError, Refused, SettingsError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SYSTEM_CONFIG = Path("/etc/ctsma-node/node.toml")

FAILED, USAGE, REFUSED = 1, 2, 3
"""Exit codes besides 0."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="CTSMA_CONFIG",
        help=f"The settings; {SYSTEM_CONFIG} where it exists, else the defaults.",
        show_default=False,
    ),
]


def settings_from(path: Path | None) -> Settings:
    """The settings a command was asked to use; raises SettingsError."""
    if path is None and SYSTEM_CONFIG.exists():
        path = SYSTEM_CONFIG
    return load(path)


@contextmanager
def spoken_errors() -> Iterator[None]:
    """End the command with a sentence and an exit code where something has a name; let the rest be seen."""
    try:
        yield
    except Refused as error:
        err.print(f"[yellow]Refused[/yellow] ({error.code}): {escape(error.reason)}")
        raise typer.Exit(REFUSED) from None
    except SettingsError as error:
        err.print(f"[red]Settings[/red]: {escape(str(error))}")
        err.print("Check with: ctsma-node check-config --config FILE")
        raise typer.Exit(USAGE) from None
    except BundleError as error:
        err.print(f"[red]Bundle[/red]: {escape(str(error))}")
        err.print("\\[analysis] bundle of the settings names the bundle's folder.")
        raise typer.Exit(FAILED) from None
    except NodeError as error:
        err.print(f"[red]Failed[/red]: {escape(str(error))}")
        raise typer.Exit(FAILED) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        err.print(f"[red]Failed[/red]: {escape(str(error.strerror or error) + where)}")
        raise typer.Exit(FAILED) from None
    except sqlite3.Error as error:
        err.print(
            "[red]Failed[/red]: a ledger in the state folder cannot be read or written "
            f"({type(error).__name__}: {escape(str(error))}). Look at the disk and the folder's owner "
            "(ctsma-node doctor); a damaged ledger comes back from a backup (ctsma-node restore)."
        )
        raise typer.Exit(FAILED) from None


def text_table(*headings: str) -> Table:
    """A table whose cells are cut into lines and never short: a code or a path counts to its last letter."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def bar(console: Console = err) -> Progress:
    """A progress bar on standard error, so that standard output can be piped."""
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def files_in(folder: Path) -> list[Path]:
    """Every file under a folder, or the file itself, sorted by path.

    Raises OSError where a folder cannot be read: what it holds would be left out in silence.
    """
    if folder.is_file():
        return [folder]
    below = os.walk(folder, onerror=_raise)
    paths = (Path(parent, name) for parent, _, names in below for name in names)
    return sorted(path for path in paths if path.is_file())


def _raise(error: OSError) -> None:
    raise error
