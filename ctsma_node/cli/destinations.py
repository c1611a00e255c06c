"""How each destination stands, for `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.markup import escape

from ctsma_node.config import Settings
from ctsma_node.records import DestinationCounts


def standing(
    settings: Settings, found: Iterable[DestinationCounts], paused: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Every destination of the settings and of the ledger; `proof` is None where the settings lack it."""
    proofs = {each.name: each.proof for each in settings.destinations}
    rows = {each.name: each for each in found}
    return [
        asdict(rows.get(name) or _idle(name, paused.get(name))) | {"proof": proofs.get(name)}
        for name in dict.fromkeys((*proofs, *rows))
    ]


def spoken(row: dict[str, Any]) -> str:
    """A destination as a person reads it, in one line."""
    counts = ", ".join(
        f"{row[state]} {state}" for state in ("pending", "sent", "delivered", "rejected", "failed")
    )
    parts = [f"{counts} (proof: {row['proof'] or 'not in the settings'})"]
    if row["paused_since"] is not None:
        parts.append(f"[yellow]paused[/yellow] since {_when(row['paused_since'])}")
    if row["answered_at"] is not None:
        status = "" if row["status"] is None else f" 0x{row['status']:04X}"
        last = f"last answer {_when(row['answered_at'])}{status}"
        parts.append(f"{last}: {escape(row['text'])}" if row["text"] else last)
    return f"[b]{escape(row['name'])}[/b]  " + "; ".join(parts)


def _idle(name: str, paused_since: float | None) -> DestinationCounts:
    return DestinationCounts(name, 0, 0, 0, 0, 0, paused_since, None, None, None)


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
