"""`backup` and `restore`: the state folder, copied while the node runs, and put back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.backup import Manifest, take
from ctsma_node.backup import restore as put_back
from ctsma_node.cli.terminal import ConfigOption, out, settings_from, spoken_errors


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: [b]ctsma-node backup /srv/backup/2026-11-21 --config node.toml[/b]. It holds the "
        "instances, so patient data: keep it as safe as the node. node.toml is not in it."
    )(backup)
    app.command(
        epilog="Example: [b]ctsma-node restore /srv/backup/2026-11-21 --config node.toml[/b], as the "
        "service's user, with the units stopped. What was on its way is done again, under the same UIDs."
    )(restore)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
    config: ConfigOption = None,
) -> None:
    """Copy both ledgers and every file that they name, and check each; the node may go on meanwhile."""
    with spoken_errors():
        manifest = take(settings_from(config), folder)
    out.print(f"Backed up to {escape(str(folder))}: {_counted(manifest)}.", soft_wrap=True)
    if manifest.removed_meanwhile:
        out.print(f"{manifest.removed_meanwhile} files were removed by \\[retention] meanwhile.")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `backup` made.")],
    config: ConfigOption = None,
) -> None:
    """Put a backup into a state folder that holds no ledgers; every file is checked."""
    with spoken_errors():
        settings = settings_from(config)
        manifest = put_back(folder, settings)
    out.print(f"Restored to {escape(str(settings.node.state_dir))}: {_counted(manifest)}.", soft_wrap=True)
    out.print("Start the services; `ctsma-node status` then shows what is done again.")


def _counted(manifest: Manifest) -> str:
    counts = ", ".join(f"{n} in {folder}" for folder, n in manifest.files.items())
    return f"{len(manifest.ledgers)} ledgers; files: {counts}; {manifest.size / 1e6:.1f} MB"
