"""`status`: what became of each series; reads the ledgers and changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from ctsma_node.cli.destinations import spoken, standing
from ctsma_node.cli.terminal import ConfigOption, out, settings_from, spoken_errors
from ctsma_node.config import Settings
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.quota import Quota
from ctsma_node.records import Case, Delivery, DeliveryState, SourceCount
from ctsma_node.spool import free_bytes

_COLOURS = {"delivered": "green", "refused": "yellow", "failed": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node status --config node.toml --json[/b]. Nothing here names a patient: "
        "series are told apart by their UID."
    )(status)


def status(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for scripts.")] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many cases are shown.")] = 20,
) -> None:
    """Show each series with its state, reason and deliveries, and how each destination stands."""
    with spoken_errors():
        settings = settings_from(config)
        cases, inbox = CasesReader(settings.ledger_path), InboxReader(settings.inbox_path)
        found = cases.in_state()
        quarantined = inbox.quarantined()
        quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
        full = not quota.fits(cases.largest_set())
        destinations = standing(settings, cases.destinations(), cases.paused())
        if as_json:
            described = [_described(case, cases) for case in found]
            counts = Counter(each.code for each in quarantined)
            found_all = {
                "cases": described,
                "quarantined": counts,
                "destinations": destinations,
                "outbox": {"bytes": quota.used(), "quota_bytes": quota.limit, "full": full},
            }
            out.out(json.dumps(found_all, indent=1), highlight=False)
            return
        for line in _short_of_room(settings, quota):
            out.print(line, soft_wrap=True)
        if not found:
            out.print(f"No series yet in {escape(str(settings.node.state_dir))}.")
        for case in found[-last:]:
            out.print("\n".join(_lines(case, cases)), soft_wrap=True)
        for each in destinations:
            out.print(spoken(each), soft_wrap=True)
        if full:
            held = f"it holds {quota.used()} of {quota.limit} bytes ([limits] outbox_quota_bytes)"
            out.print(
                escape(f"The outbox is full: {held}. What is delivered makes room; else the worker waits.")
            )
        if quarantined:
            codes = ", ".join(f"{n} x {code}" for code, n in Counter(q.code for q in quarantined).items())
            out.print(f"In quarantine: {codes} ({escape(str(settings.quarantine_dir))})")


def _short_of_room(settings: Settings, quota: Quota) -> list[str]:
    """Which of the two limits of the disk is reached, with what follows from it."""
    if not settings.node.state_dir.exists():
        return []
    free = free_bytes(settings.node.state_dir)
    lines = []
    if free < quota.least_free(settings.limits.min_free_bytes):
        lines.append("The receiver answers A700 to every instance")
    if free < settings.worker.min_free_bytes:
        lines.append("Cases wait")
    return [f"[red]{line}[/red]: {free / 1e9:.2f} GB are free on the disk." for line in lines]


def _described(case: Case, cases: CasesReader) -> dict[str, Any]:
    keys = ("destination", "sop_instance_uid", "kind", "state", "attempts", "due_at", "status", "text")
    deliveries = [{key: asdict(each)[key] for key in keys} for each in cases.deliveries(case.id)]
    count = cases.source_count(case.series_uid)
    return asdict(case) | {"source_count": count and asdict(count), "deliveries": deliveries}


def _lines(case: Case, cases: CasesReader) -> list[str]:
    """A case as a person reads it, whatever the terminal's width; UIDs stay whole for copying."""
    colour = _COLOURS.get(case.state, "cyan")
    since = datetime.fromtimestamp(case.updated_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    revision = f", revision {case.revision}" if case.revision > 1 else ""
    came = f"{case.n_instances} instances from {escape(case.calling_ae)}{revision}"
    lines = [f"[b]{case.id}[/b]  [{colour}]{case.state}[/{colour}] since {since}  ({came})"]
    lines.append(f"   series {case.series_uid}{_completeness(case, cases.source_count(case.series_uid))}")
    if case.code is not None:
        lines.append(f"   {escape(f'{case.code}: {case.reason}')}")
    return [*lines, *(f"   {escape(line)}" for line in _deliveries(cases.deliveries(case.id)))]


def _completeness(case: Case, count: SourceCount | None) -> str:
    """By what the series became complete; while it has not, how many instances its source holds."""
    if case.completed_by is not None:
        return f", complete by {case.completed_by}"
    if count is None:
        return ""
    told = count.told if count.instances is None else f"{count.instances} at the source"
    return f", {told}"


def _deliveries(deliveries: list[Delivery]) -> list[str]:
    """One line for each destination: how many are there, and the last thing that stood in the way."""
    lines = []
    for name in dict.fromkeys(each.destination for each in deliveries):
        rows = [each for each in deliveries if each.destination == name]
        done = sum(each.state is DeliveryState.DELIVERED for each in rows)
        sent = sum(each.state is DeliveryState.SENT for each in rows)
        trouble = next(
            (each for each in rows if each.state is not DeliveryState.DELIVERED and each.text), None
        )
        line = f"{name} {done}/{len(rows)}" + (f" ({sent} more sent, not proven yet)" if sent else "")
        lines.append(line if trouble is None else f"{line}, {trouble.state}: {trouble.text}")
    return lines
