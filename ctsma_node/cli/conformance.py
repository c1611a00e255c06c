"""`conformance`: the DICOM conformance statement."""

from __future__ import annotations

from typing import Annotated

import typer

from ctsma_node.cli.terminal import ConfigOption, out, settings_from, spoken_errors
from ctsma_node.config import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node conformance --config node.toml > conformance-statement.md[/b]"
    )(conformance)


def conformance(
    config: ConfigOption = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="For the defaults, whatever the settings of this machine.")
    ] = False,
) -> None:
    """Print the DICOM conformance statement (PS3.2 annex N) in Markdown, for the settings of the site."""
    with spoken_errors():
        settings = Settings() if defaults else settings_from(config)
        from ctsma_node.conformance import statement

        text = statement(settings)
    out.out(text, end="", highlight=False)
