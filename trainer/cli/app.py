"""The application, and what its commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()


class _Stages(typer.core.TyperGroup):
    """A node is installed with the trainer's sources, and without the packages that these need."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            package = (missing.name or "").partition(".")[0]
            if package in ("", "ctsma_node", "trainer"):
                raise
            console.print(
                f"[red]The trainer is not installed here[/red]: {package} is missing.\n"
                'In the source folder: pip install ".\\[trainer]", or make test, which sets it up in .venv.'
            )
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Stages,
    help="Build the models that the node runs. Each command is a stage: it reads one folder and writes the "
    "next, and goes on where it was stopped.",
    epilog="From an archive to paired patches:  cohort, register, patches.  "
    "From patches to the student that ships:  teacher --final, scans, "
    "student --final --scans build/scans --form knee.  "
    "From all of that to a bundle:  segmenter, aggregator, familiarity, bundle, "
    "evaluate bundle.  "
    "All of it, and every table of the paper:  reproduce --quick.",
    no_args_is_help=True,
    add_completion=False,
)
evaluation = typer.Typer(
    help="Score what a stage has made, on knees that it has not seen.", no_args_is_help=True
)
app.add_typer(evaluation, name="evaluate")

Build = Annotated[Path, typer.Option(help="Folder of all stages.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes side by side.")]
BUILD = Path("build")


class PrecisionName(StrEnum):
    """Keys of trainer.fabric.PRECISIONS."""

    AUTO = "auto"
    MIXED = "mixed"
    SINGLE = "single"


Precision = Annotated[
    PrecisionName,
    typer.Option(help="mixed: bfloat16, on a GPU or a CPU that has it. auto: on such a GPU."),
]


def show(title: str, figures: dict[str, float]) -> None:
    """A table of named figures."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.3f}")
    console.print(table)
