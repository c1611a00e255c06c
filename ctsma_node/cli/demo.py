"""`demo`: the node end to end on this machine, with a synthetic knee."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from ctsma_node.cli.terminal import FAILED, err, out, spoken_errors


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node demo --sides RL[/b] for both knees in one field of view. Everything "
        "stays under --out: the node's settings and log, the PACS, the objects that came back, picture.png."
    )(demo)


def _known_sides(sides: str) -> str:
    if sides.upper() not in ("R", "L", "RL", "LR"):
        raise typer.BadParameter("R, L, or RL for both knees")
    return sides.upper()


def demo(
    to: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything.")] = Path("out"),
    seed: Annotated[int, typer.Option(min=0, help="Which synthetic knee.")] = 2026,
    sides: Annotated[str, typer.Option(callback=_known_sides, help="R, L, or RL for both.")] = "R",
) -> None:
    """Send a synthetic knee CT through a node and into a PACS, and show what comes back beside the truth."""
    from ctsma_node.cli.demo_tables import show
    from ctsma_node.demo.run import demonstrate

    signal.signal(signal.SIGTERM, _end)  # as Ctrl-C does: what was started is stopped on the way out
    started = time.monotonic()

    def tell(stage: str) -> None:
        status.update(stage)
        out.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {stage}")

    with spoken_errors(), err.status("Starting") as status:
        shown = demonstrate(to.absolute(), seed, sides, tell)
    show(shown)
    sent, returned = ({knee.side for knee in knees} for knees in (shown.truth, shown.returned))
    if sent != returned:
        names = [" and ".join(sorted(sides, reverse=True)) or "no knee" for sides in (sent, returned)]
        err.print(f"[red]Failed[/red]: {names[0]} went in, the reports that came back are of {names[1]}.")
        raise typer.Exit(FAILED)


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
