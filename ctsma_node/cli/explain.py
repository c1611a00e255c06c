"""`explain`: why each series of a study was or was not analysed, and what other rules would change."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ctsma_node.cli.terminal import (
    USAGE,
    ConfigOption,
    err,
    files_in,
    out,
    settings_from,
    spoken_errors,
    text_table,
)
from ctsma_node.config import Settings, load
from ctsma_node.errors import SettingsError
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.records import Case

if TYPE_CHECKING:
    from ctsma_node.worker.explain import Explained

_JUDGING = ("choice", "gate")
"""Sections that decide what is analysed."""

Groups = dict[str, tuple[Path, ...]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: [b]ctsma-node explain 1.2.840.1 --config node.toml[/b], "
        "[b]ctsma-node explain scans/study --rules changed.toml[/b]. Headers alone are read and nothing is "
        "analysed; what only pixels tell (metal, no knee) is not foreseen. No patient is named."
    )(explain)


def explain(
    study: Annotated[
        str,
        typer.Argument(metavar="STUDY", help="Study or Series Instance UID, or a folder of DICOM files."),
    ],
    config: ConfigOption = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", exists=True, help="What another \\[choice] or \\[gate] would change."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for scripts.")] = False,
) -> None:
    """Show for each series of a study whether it is analysed, and which rule or check decides."""
    with spoken_errors():
        settings = settings_from(config)
        other = None if rules is None else _with(settings, rules)
        groups, cases = _found(study, settings)
        if not groups:
            err.print(f"[red]No series[/red] of {escape(study)}: no such UID in the ledger, no such folder.")
            raise typer.Exit(USAGE)
        from ctsma_node.worker.explain import explain as judge
        from ctsma_node.worker.explain import read_all

        read = read_all(groups)
        now = judge(read, settings)
        then = None if other is None else {each.series_uid: each for each in judge(read, other)}
    if as_json:
        described = [_described(each, cases.get(each.series_uid), then) for each in now]
        out.out(json.dumps(described, indent=1), highlight=False)
        return
    out.print(_table(now, cases, then))
    for each in now:
        _print_reasons(each, then)


def _with(settings: Settings, path: Path) -> Settings:
    """The settings with the judging sections of another file, those that it has."""
    changed = load(path, {})
    there = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    sections = {name: getattr(changed, name) for name in _JUDGING if name in there}
    if not sections:
        raise SettingsError(f"{path} has neither a [choice] nor a [gate] section.")
    return settings.model_copy(update=sections)


def _found(study: str, settings: Settings) -> tuple[Groups, dict[str, Case]]:
    """Files by series, and the latest case of each where the ledger has one."""
    if Path(study).is_dir():
        from ctsma_node.assemble import group_by_series

        return group_by_series(files_in(Path(study))), {}
    reader, inbox = CasesReader(settings.ledger_path), InboxReader(settings.inbox_path)
    found = reader.by_study(study)
    if not found:  # the rest of a series' study decides about it, too
        found = [each for one in reader.by_series(study)[-1:] for each in reader.by_study(one.study_uid)]
    cases = {case.series_uid: case for case in found}
    paths = {uid: [settings.spool_dir / row.path for row in inbox.instances(uid)] for uid in cases}
    groups = {uid: tuple(path for path in some if path.exists()) for uid, some in paths.items()}
    return {uid: some for uid, some in groups.items() if some}, cases


def _table(now: Sequence[Explained], cases: dict[str, Case], then: dict[str, Explained] | None) -> Table:
    headings = ["series", "instances", "slices", "plane", "kernel", "rule", "would be"]
    headings += ["is"] * bool(cases) + ["with --rules"] * (then is not None)
    table = text_table(*headings)
    for each in now:
        cells = [*_appearance(each), each.rule or "", _coloured(each.code)]
        if cases:
            case = cases[each.series_uid]
            cells.append(case.state if case.code is None else f"{case.state}: {case.code}")
        if then is not None:
            other = then[each.series_uid].code
            cells.append(_coloured(other) + ("  [b]changed[/b]" if other != each.code else ""))
        table.add_row(*cells)
    return table


def _appearance(each: Explained) -> tuple[str, ...]:
    from ctsma_node.assemble.kernels import grade

    candidate = each.candidate
    if candidate is None:
        return "?", str(each.n_instances), "", "", ""
    number = "?" if candidate.series_number is None else str(candidate.series_number)
    figures = (("thick", candidate.thickness_mm), ("apart", candidate.spacing_mm))
    slices = ", ".join(f"{value:.2f} mm {what}" for what, value in figures if value is not None)
    kernel = grade(candidate.kernel).name.lower().replace("_", " ")
    return number, str(each.n_instances), slices, candidate.orientation, kernel


def _print_reasons(each: Explained, then: dict[str, Explained] | None) -> None:
    """The sentences, below the table: they are long, and UIDs stay whole for copying."""
    number = _appearance(each)[0]
    out.print(f"[b]{number}[/b]  {each.series_uid}", soft_wrap=True)
    out.print(f"   {escape(each.reason or 'analysed')}", soft_wrap=True)
    if then is not None and then[each.series_uid].code != each.code:
        out.print(f"   with --rules: {escape(then[each.series_uid].reason or 'analysed')}", soft_wrap=True)


def _described(each: Explained, case: Case | None, then: dict[str, Explained] | None) -> dict[str, Any]:
    """Without the header's free text, which a candidate holds for rules to match."""
    kept = ("series_number", "original", "thickness_mm", "spacing_mm", "pixel_mm", "orientation")
    candidate = {} if each.candidate is None else asdict(each.candidate)
    described = {key: getattr(each, key) for key in ("series_uid", "n_instances", "rule", "code", "reason")}
    described |= {key: candidate.get(key) for key in kept}
    described |= {"state": case and case.state, "state_code": case and case.code}
    if then is not None:
        other = then[each.series_uid]
        described["with_rules"] = {"rule": other.rule, "code": other.code, "reason": other.reason}
    return described


def _coloured(code: str) -> str:
    return f"[green]{code}[/green]" if code == "taken" else f"[yellow]{escape(code)}[/yellow]"
