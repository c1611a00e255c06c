"""`validate`: the checks that every result passes before it is sent, on any DICOM files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ctsma_node.cli.terminal import FAILED, USAGE, err, files_in, out, spoken_errors

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from ctsma_node.validation import Checked, Finding

_NO_PART_10 = "not_part10"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node validate results/dicom --source scans/knee[/b]. A finding names the "
        "attribute and the clause of the standard. Files given together are checked against one another: "
        "references, evidence, one patient and study, the same planes. With --source nothing may be referred "
        "to that is neither here nor there. Exit code 1: at least one finding; 2: no DICOM files."
    )(validate)


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR...", exists=True, help="Part 10 files, or folders of them."),
    ],
    source: Annotated[
        Path | None,
        typer.Option("--source", exists=True, help="Folder of the series that the files were made from."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every file and finding, for scripts.")] = False,
) -> None:
    """Check DICOM files: encoding, attributes, pixels, references, geometry. No value is ever printed."""
    from ctsma_node.validation import check_files

    with spoken_errors():
        files = dict.fromkeys(file for path in paths for file in files_in(path))
        found = check_files(files, _headers(source))
    checked, left_out = _without_other_files(found, named={str(path) for path in paths})
    if not checked.classes:
        err.print("[red]No DICOM Part 10 files[/red] among these.")
        raise typer.Exit(USAGE)
    if as_json:
        out.out(json.dumps(_described(checked), indent=1), highlight=False)
    else:
        out.print(_table(checked))
        if left_out:
            out.print(f"{left_out} files that are no DICOM Part 10 files were left out.")
    if checked.findings:
        raise typer.Exit(FAILED)


def _headers(source: Path | None) -> Sequence[Dataset]:
    if source is None:
        return ()
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    headers = []
    for path in files_in(source):
        try:
            headers.append(dcmread(path, stop_before_pixels=True))
        except InvalidDicomError:
            continue
    if not headers:
        raise typer.BadParameter("there are no DICOM Part 10 files", param_hint="--source")
    return headers


def _without_other_files(found: Checked, named: set[str]) -> tuple[Checked, int]:
    """What was found of DICOM files and of those that were named one by one; how many others there were."""
    others = {each.instance for each in found.findings if each.code == _NO_PART_10} - named
    classes = {path: uid for path, uid in found.classes.items() if path not in others}
    findings = tuple(each for each in found.findings if each.instance not in others)
    return type(found)(classes, findings), len(others)


def _by_file(checked: Checked) -> Iterator[tuple[str, str, list[Finding]]]:
    for path, sop_class_uid in checked.classes.items():
        yield path, sop_class_uid, [each for each in checked.findings if each.instance == path]


def _described(checked: Checked) -> list[dict[str, object]]:
    return [
        {
            "file": path,
            "sop_class": _class_name(sop_class_uid),
            "valid": not findings,
            "findings": [{k: v for k, v in asdict(each).items() if k != "instance"} for each in findings],
        }
        for path, sop_class_uid, findings in _by_file(checked)
    ]


def _table(checked: Checked) -> Table:
    table = Table("file", "SOP class")
    table.add_column("finding", overflow="fold")
    for path, sop_class_uid, findings in _by_file(checked):
        name, sop_class = escape(_short(path)), _class_name(sop_class_uid)
        if not findings:
            table.add_row(name, sop_class, "[green]valid[/green]")
        for number, each in enumerate(findings):
            place = f"[b]{escape(each.path)}[/b] " if each.path else ""
            first = (name, sop_class) if number == 0 else ("", "")
            text = f"[red]{each.code}[/red] {place}{escape(each.sentence)} ({each.clause})"
            table.add_row(*first, text)
    return table


def _short(path: str) -> str:
    """The last two parts of a path."""
    return "/".join(Path(path).parts[-2:])


def _class_name(sop_class_uid: str) -> str:
    """The standard's name of a SOP class; what is no UID of it is not repeated."""
    from pydicom import config
    from pydicom.uid import UID

    from ctsma_node.validation import class_name

    uid = UID(sop_class_uid, validation_mode=config.IGNORE)
    known = uid.name.removesuffix(" Storage") if uid.type == "SOP Class" else "not a known SOP class"
    return class_name(sop_class_uid) or known
