"""`purge`: remove what retention lets go, or say what that would be."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from ctsma_node.cli.terminal import FAILED, ConfigOption, out, settings_from, spoken_errors
from ctsma_node.config import Settings
from ctsma_node.ledger.inbox import Inbox, InboxReader
from ctsma_node.ledger.retention import RetentionReader
from ctsma_node.ledger.sqlite import LedgerInUse


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: [b]ctsma-node purge --dry-run --config node.toml[/b]. Running services purge every "
        "hour by themselves, and at once when they read their settings again (systemctl reload), but for a "
        "day behind a clock that was set ahead (purge.held in their log). Exit code 1: one of them runs, "
        "and what is its own was not removed here."
    )(purge)


def purge(
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove files older than \\[retention] says, of series that have ended; the ledgers keep their rows."""
    with spoken_errors():
        settings = settings_from(config)
        _say_plan(settings)
        if not dry_run and not all([_purge_inbox(settings), _purge_outbox(settings)]):
            raise typer.Exit(FAILED)


def _say_plan(settings: Settings) -> None:
    from ctsma_node.receive.purge import plan
    from ctsma_node.worker.purge import plan as outbox_plan

    inbox, ledger, now = InboxReader(settings.inbox_path), RetentionReader(settings.ledger_path), time.time()
    due, results = plan(settings, inbox, ledger, now), outbox_plan(settings, ledger, now)
    ledger.close()
    inbox.close()
    for series in due.series:
        out.print(
            f"  series {series.uid}: {series.n_instances} instances, {_mb(series.size)}", soft_wrap=True
        )
    n_instances = sum(each.n_instances for each in due.series)
    sizes = [sum(each.size for each in of) for of in (due.series, results, due.quarantined)]
    out.print(f"Spool: {n_instances} instances of {len(due.series)} series, {_mb(sizes[0])}.")
    out.print(f"Outbox: {len(results)} objects, {_mb(sizes[1])}.")
    out.print(f"Quarantine: {len(due.quarantined)} files, {_mb(sizes[2])}.")


_RUNS = (
    "The {process} runs: nothing of the {what} was removed here. It does that by itself every hour, unless "
    "its log says purge.held. To purge now, stop it first: systemctl stop {unit}"
)


def _purge_inbox(settings: Settings) -> bool:
    """Purge spool and quarantine; False where the receiver has them."""
    from ctsma_node.receive.purge import InboxPurge
    from ctsma_node.receive.store import Store
    from ctsma_node.spool import Spool

    if not settings.inbox_path.exists():
        return True
    try:
        inbox = Inbox(settings.inbox_path)
    except LedgerInUse:
        said = _RUNS.format(process="receiver", what="spool and the quarantine", unit="ctsma-node-receive")
        out.print(said, soft_wrap=True)
        return False
    spool, quarantine = Spool(settings.spool_dir), Spool(settings.quarantine_dir)
    store = Store(inbox, spool, quarantine, settings.limits.min_free_bytes)
    InboxPurge(settings, inbox, spool, quarantine, store).run()
    inbox.close()
    out.print("Spool and quarantine are purged.")
    return True


def _purge_outbox(settings: Settings) -> bool:
    """Purge the outbox; False where the worker has it."""
    from ctsma_node.ledger.cases import Cases
    from ctsma_node.worker.purge import OutboxPurge

    if not settings.ledger_path.exists():
        return True
    try:
        cases = Cases(settings.ledger_path)
    except LedgerInUse:
        out.print(_RUNS.format(process="worker", what="outbox", unit="ctsma-node-work"), soft_wrap=True)
        return False
    OutboxPurge(settings, cases).run()
    cases.close()
    out.print("The outbox is purged.")
    return True


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
