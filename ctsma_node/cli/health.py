"""`health`: what /health says, for whoever cannot or need not ask the page, such as a container's runtime."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import FAILED, ConfigOption, out, settings_from, spoken_errors
from ctsma_node.web.health import Level, Part

_COLOURS = {Level.OK: "green", Level.DEGRADED: "yellow", Level.DOWN: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node health --part receive[/b], where only the receiver runs here. Exit "
        "code 1: a part is down; degraded ends with 0, as /health answers 200."
    )(health)


def health(
    part: Annotated[
        list[Part] | None, typer.Option("--part", help="Look at this part alone; can be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As /health answers, of these parts.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say whether the node can receive, analyse and deliver, by its state folder; the page need not run."""
    from ctsma_node.web.health import Health, described, judged
    from ctsma_node.web.observe import Observer

    with spoken_errors():
        settings = settings_from(config)
        found = judged(Observer(settings), settings)
    wanted = tuple(part or Part)
    asked = Health(tuple(each for each in found.findings if each.part in wanted))
    if as_json:
        said = described(asked)
        for each in set(Part) - set(wanted):
            del said[each.value]  # nobody looked: "ok" would be a lie
        out.out(json.dumps(said, indent=1), highlight=False)
    else:
        for each in wanted:
            level = asked.of(each)
            out.print(f"{each} [{_COLOURS[level]}]{level}[/]")
        for finding in asked.findings:
            out.print(f"  {finding.part}: {escape(finding.reason)} ({finding.code})", soft_wrap=True)
    if asked.level is Level.DOWN:
        raise typer.Exit(FAILED)
