"""`export-case`: one case for support, without the patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import ConfigOption, out, settings_from, spoken_errors


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "export-case",
        epilog="Example: [b]journalctl -o cat -u ctsma-node-work -u ctsma-node-receive > node.log; "
        "ctsma-node export-case 7 --log node.log --config node.toml[/b]. The zip is "
        "text: look into it before you send it.",
    )(export_case)


def export_case(
    case: Annotated[int, typer.Argument(metavar="CASE", min=1, help="Its number in `status`.")],
    config: ConfigOption = None,
    log: Annotated[
        Path | None, typer.Option("--log", exists=True, dir_okay=False, help="The node's log, JSON lines.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="The zip to write; case-CASE.zip here where it is not said.")
    ] = None,
) -> None:
    """Write a zip about a case: history, technical attributes, settings, versions; no pixels, no names."""
    from ctsma_node.export import write_case_file

    target = target or Path(f"case-{case}.zip")
    with spoken_errors():
        settings = settings_from(config)
        if log is None:
            write_case_file(settings, case, target)
        else:
            with log.open(encoding="utf-8", errors="replace") as lines:
                write_case_file(settings, case, target, lines)
    out.print(f"Written to {escape(str(target))}.", soft_wrap=True)
