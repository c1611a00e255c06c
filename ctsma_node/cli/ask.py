"""`requeue`, `resend`, `cancel`, `release`: what a person may ask of a case. Worker or receiver do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape

from ctsma_node.cli.terminal import FAILED, ConfigOption, err, out, settings_from, spoken_errors
from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.ledger.asked import can_be_cancelled, can_be_resent, state_when_requeued
from ctsma_node.ledger.cases import CasesReader
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.records import Case
from ctsma_node.releases import ReleaseFolder

_PATIENCE_S = 10.0

CaseArgument = Annotated[int, typer.Argument(metavar="CASE", min=1, help="Its number in `status`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: [b]ctsma-node requeue 12[/b]. Exit code 1: there is nothing to try again.")(
        requeue
    )
    app.command(
        epilog="Examples: [b]ctsma-node resend 12[/b], [b]ctsma-node resend 12 --to ARCHIVE[/b]. "
        "Exit code 1: there is nothing to send again."
    )(resend)
    app.command(epilog="Example: [b]ctsma-node cancel 12[/b]. Exit code 1: there is nothing to cancel.")(
        cancel
    )
    app.command(
        epilog="Example: [b]ctsma-node release 12[/b], then send the corrected series again. "
        "Exit code 1: there is nothing to let go of."
    )(release)


def requeue(case: CaseArgument, config: ConfigOption = None) -> None:
    """Try a case again that was refused, has failed, was delivered in part, or waits for its next attempt."""
    with spoken_errors():
        settings = settings_from(config)
        cases, folder = CasesReader(settings.ledger_path), CommandFolder(settings.commands_dir)
        found = cases.get(case)
        purged = InboxReader(settings.inbox_path).purged_count(found.series_uid)
        if state_when_requeued(cases, found, purged) is None:
            what, count = ("instances", purged) if purged else ("objects", len(cases.purged_objects(case)))
            gone = f"{count} of its {what}: send the series again" if count else ""
            _nothing(found, "tried again", gone)
        _ask(cases, folder, found, Action.REQUEUE)


def resend(
    case: CaseArgument,
    to: Annotated[
        str, typer.Option(metavar="NAME", help="To this destination alone.", show_default="every one")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Send the results of a delivered case again, as they are: for an archive that lost them."""
    with spoken_errors():
        settings = settings_from(config)
        cases, folder = CasesReader(settings.ledger_path), CommandFolder(settings.commands_dir)
        found = cases.get(case)
        if not can_be_resent(cases, found):
            purged = len(cases.purged_objects(case))
            _nothing(found, "sent again", f"{purged} of its objects" if purged else "")
        known = sorted({each.destination for each in cases.deliveries(case)})
        if to and to not in known:
            text = f"Nothing of case {case} was for {to!r}; it went to {', '.join(known)}."
            err.print(f"[red]{escape(text)}[/red]")
            raise typer.Exit(FAILED)
        _ask(cases, folder, found, Action.RESEND, to)


def cancel(case: CaseArgument, config: ConfigOption = None) -> None:
    """Let go of a case: no further step, nothing more delivered. It ends as failed, with code `cancelled`."""
    with spoken_errors():
        settings = settings_from(config)
        cases, folder = CasesReader(settings.ledger_path), CommandFolder(settings.commands_dir)
        found = cases.get(case)
        if not can_be_cancelled(found):
            _nothing(found, "cancelled")
        _ask(cases, folder, found, Action.CANCEL)


def release(case: CaseArgument, config: ConfigOption = None) -> None:
    """Let go of the instances of a refused or failed case: corrected ones of the same UIDs are taken then."""
    with spoken_errors():
        settings = settings_from(config)
        cases, folder = CasesReader(settings.ledger_path), ReleaseFolder(settings.releases_dir)
        found = cases.get(case)
        if RetentionReader(settings.ledger_path).releasable(case) is None:
            _nothing(found, "let go of")
        folder.post(case)
        if _waited(lambda: case not in folder.waiting()):
            out.print(f"The instances of case {case} are let go of. Have its series sent again, whole.")
        else:
            out.print("Asked for. The receiver does it when it runs and nothing of the series is coming in.")


def _waited(done: Callable[[], bool]) -> bool:
    """Whether it came true while a person has patience."""
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _nothing(case: Case, what: str, gone: str = "") -> None:
    doing = "is being worked on" if case.running else f"is {case.state}"
    why = f" \\[retention] has removed {gone}." if gone else ""
    err.print(f"[yellow]Nothing to do[/yellow]: case {case.id} {doing} and cannot be {what}.{why}")
    raise typer.Exit(FAILED)


def _ask(cases: CasesReader, folder: CommandFolder, case: Case, action: Action, to: str = "") -> None:
    """Leave the command, and wait a while for the worker to take it."""
    command = Command(case.id, cases.events(case.id)[-1].id, action, to)
    folder.post(command)
    if _waited(lambda: command not in folder.waiting()):
        out.print(f"Case {case.id} is {cases.get(case.id).state} now.")
    else:
        out.print("Asked for. The worker does it behind the step at hand, or when it starts.")
