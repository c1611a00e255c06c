"""`analyse`: a folder in, objects and tables out; no network, no ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import (
    REFUSED,
    USAGE,
    ConfigOption,
    bar,
    err,
    files_in,
    out,
    settings_from,
    spoken_errors,
)
from ctsma_node.errors import Refused


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node analyse scans/knee --out results[/b]. Each series of DIR gets a "
        "folder with its DICOM objects, picture.png and measurements.csv; those of an earlier analysis are "
        "removed from there. Exit code 3: no series was fit for analysis."
    )(analyse)


def analyse(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, help="Folder that holds one or more CT series.")
    ],
    to: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("results"),
    config: ConfigOption = None,
) -> None:
    """Analyse the series of a folder without any network."""
    with spoken_errors():
        settings = settings_from(config)
        from ctsma_node.assemble import group_by_series
        from ctsma_node.cli.tables import knee_table, write_measurements
        from ctsma_node.worker.earlier import MEASUREMENTS, remove_results, series_folder
        from ctsma_node.worker.service import load_analyser
        from ctsma_node.worker.single import analyse_series

        files = files_in(folder)
        groups = group_by_series(files)
        if not groups:
            err.print(f"[red]No DICOM instances[/red] under {escape(str(folder))}.")
            raise typer.Exit(USAGE)
        with bar() as progress:
            loading = progress.add_task("load the bundle", total=None)
            analyser = load_analyser(settings)
            progress.remove_task(loading)
        for reason in analyser.troubles.values():
            err.print(f"[yellow]Slower than it should be[/yellow]: {escape(reason)}")
        # What is refused now must not be taken for what was analysed before.
        if remove_results(to, files):
            out.print(f"The results of an earlier analysis in {escape(str(to))} are removed.")
        done = 0
        for number, (series_uid, paths) in enumerate(groups.items(), start=1):
            target = to if len(groups) == 1 else series_folder(to, number)
            out.print(f"[b]Series {number} of {len(groups)}[/b]  {series_uid}  {len(paths)} instances")
            try:
                with bar() as progress:
                    task = progress.add_task("assemble", total=100)
                    single = analyse_series(
                        paths,
                        settings,
                        analyser,
                        target,
                        lambda stage, share: progress.update(
                            task,  # noqa: B023
                            description=stage,
                            completed=round(100 * share),
                        ),
                    )
            except Refused as error:
                err.print(f"  [yellow]refused[/yellow] ({error.code}): {escape(error.reason)}")
                continue
            done += 1
            table = write_measurements(single.result, target / MEASUREMENTS)
            out.print(knee_table(single.result))
            out.print(
                f"  {len(single.objects)} DICOM objects, {single.picture.name} and {table.name} "
                f"in {escape(str(target))}"
            )
    if not done:
        raise typer.Exit(REFUSED)
