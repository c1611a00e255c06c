"""The paired cohort: read an archive, and export it de-identified."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from trainer.cli.app import Jobs, app, console

if TYPE_CHECKING:
    from trainer.cohort.manifest import CohortManifest

NO_PAIRS = 3
_SHOWN = 40


@app.command()
def cohort(
    archive: Annotated[Path, typer.Argument(help="Folder of DICOM files in any order, or of NIfTI pairs.")],
    clinical: Annotated[
        Path | None,
        typer.Option(help="CSV: patient_id, side, kl, moaks_..., age, sex, bmi."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the manifest.")] = Path("build/cohort"),
    nifti_pairs: Annotated[
        Path | None, typer.Option(help="CSV: patient_id, side, ct, mr (paths below ARCHIVE), days.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file of limits; the manifest lists them all with their values.")
    ] = None,
    secret: Annotated[
        Path | None, typer.Option(help="Secret the pseudonyms come from; OUT/pseudonym.key without.")
    ] = None,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Patient IDs are pseudonyms already (synthetic archives).")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Decode every pixel too.")] = False,
    jobs: Jobs = 2,
) -> None:
    """Find and pair the MR and CT of each knee of an archive.

    Writes OUT/cohort.json (pairs, folds, everything left out and why), cohort.csv and cohort.schema.json.
    Nothing in the archive is changed. Exit code 0 with pairs, 3 with none, 2 where the archive or a table
    cannot be used.
    """
    from ctsma_node.errors import NodeError
    from trainer.cohort.request import CohortRequest
    from trainer.cohort.settings_file import read_settings
    from trainer.cohort.stage import run
    from trainer.stage import progress

    try:
        request = CohortRequest(
            archive, out, clinical, nifti_pairs, secret, keep_ids, verify, jobs, read_settings(settings)
        )
        with progress() as bar:
            tasks = {what: bar.add_task(what, total=None, note="") for what in ("headers", "series")}
            if verify:
                tasks["pixels"] = bar.add_task("pixels", total=None, note="")
            manifest = run(request, lambda what, done, n: bar.update(tasks[what], completed=done, total=n))
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    _show(manifest, out)
    if not manifest.pairs:
        console.print(
            "[red]No pair was found.[/] See the table above, and trainer/cohort/codes.py for each code."
        )
        raise typer.Exit(NO_PAIRS)


def _show(manifest: CohortManifest, out: Path) -> None:
    console.print(_pairs(manifest))
    for title, findings in (("left out", manifest.left_out), ("used, with a remark", manifest.remarks)):
        if not findings:
            continue
        first = {each.code: each for each in reversed(findings)}
        table = Table("code", "count", "first", "why", title=title)
        for code, count in Counter(each.code for each in findings).most_common():
            table.add_row(code, str(count), Text(first[code].path), Text(first[code].text))
        console.print(table)
    console.print(Text(f"Everything: {out / 'cohort.json'}; pairs for people: {out / 'cohort.csv'}"))


def _pairs(manifest: CohortManifest) -> Table:
    patients = len({pair.pseudonym for pair in manifest.pairs})
    table = Table(
        *("pair", "fold", "class", "days", "CT", "MR", "others"),
        title=f"{len(manifest.pairs)} pairs of {patients} patients",
    )
    for pair in manifest.pairs[:_SHOWN]:
        table.add_row(
            pair.pair_id,
            str(pair.fold),
            pair.oa_class or "-",
            "-" if pair.days is None else str(pair.days),
            _grid(pair.ct.size, pair.ct.spacing_mm),
            _grid(pair.mr.size, pair.mr.spacing_mm),
            str(len(pair.ct_alternatives) + len(pair.mr_alternatives)),
        )
    if len(manifest.pairs) > _SHOWN:
        table.caption = f"and {len(manifest.pairs) - _SHOWN} more in cohort.csv"
    return table


def _grid(size: tuple[int, int, int], spacing: tuple[float, float, float]) -> str:
    return "{}x{}x{}, {:.2f}x{:.2f}x{:.2f} mm".format(*size, *spacing)


@app.command("cohort-export")
def cohort_export(
    archive: Annotated[Path, typer.Argument(help="The archive that the manifest was made of.")],
    out: Annotated[Path, typer.Argument(help="Folder of the de-identified copy.")],
    cohort: Annotated[Path, typer.Option(help="Folder of the manifest.")] = Path("build/cohort"),
    secret: Annotated[
        Path | None, typer.Option(help="The secret the manifest was made with; COHORT/pseudonym.key without.")
    ] = None,
    dates: Annotated[
        bool, typer.Option("--shift-dates/--remove-dates", help="Move each patient's dates, or remove them.")
    ] = True,
    descriptors: Annotated[
        bool, typer.Option("--clean-descriptors/--remove-descriptors", help="Keep known words.")
    ] = True,
    retain_uids: Annotated[
        bool, typer.Option("--retain-uids", help="Keep UIDs: with the originals at hand, patients are found.")
    ] = False,
    alternatives: Annotated[
        bool, typer.Option("--alternatives/--pairs-only", help="Other reconstructions too, or not.")
    ] = True,
) -> None:
    """Copy a cohort's pairs without their patients (DICOM PS3.15 Annex E).

    Writes OUT/archive and OUT/clinical.csv, which `ctsma-train cohort OUT/archive --keep-ids` reads again.
    The Basic Application Level Confidentiality Profile; UIDs and dates replaced consistently by the site's
    secret; private attributes removed. Pixels are copied as they are: look at a sample before you give them
    away. Again into the same OUT: what has changed is made anew, and who has left the cohort is removed.
    """
    from ctsma_node.errors import NodeError
    from trainer.cohort.export import ExportOptions, export
    from trainer.cohort.manifest import read_manifest
    from trainer.cohort.pseudonym import SECRET_FILE, read_secret
    from trainer.stage import progress

    options = ExportOptions(dates, descriptors, retain_uids, alternatives)
    try:
        manifest = read_manifest(cohort)
        key = read_secret(secret or cohort / SECRET_FILE, make=False)
        with progress() as bar:
            task = bar.add_task("pairs", total=len(manifest.pairs), note="")
            refused = export(
                manifest,
                archive,
                out,
                key,
                options,
                lambda done, n: bar.update(task, completed=done, total=n),
            )
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    for each in refused:
        console.print(Text(f"{each.code} {each.path}: {each.text}", style="yellow"))
    console.print(f"{len(manifest.pairs) - len(refused)} of {len(manifest.pairs)} pairs in {out}")
    if len(refused) == len(manifest.pairs):
        raise typer.Exit(NO_PAIRS)
