"""Wrong workers, by name: what each does is patched into this process."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ctsma_node.ledger.cases import Cases
from ctsma_node.records import Case, ResultObject
from ctsma_node.report.identity import UidSpace
from ctsma_node.worker.intake import Intake
from ctsma_node.worker.outbox import Outbox
from tests.torture.mutants.patch import patch


def cursor_first() -> None:
    """The inbox counts as taken over before its news is written down."""
    take_over = Intake._take_over

    def wrong(self: Intake) -> None:
        cases, held = self._cases, _Held(self._cases)
        self._cases = held  # type: ignore[assignment]
        try:
            take_over(self)
        finally:
            self._cases = cases
        held.write()

    patch(Intake, "_take_over", wrong)


def results_first() -> None:
    """The rows of a set are written before its folder has its name."""
    put, add_results = Outbox.put, Cases.add_results
    unnamed: list[Path] = []

    def wrong_put(self: Outbox, name: str, *arguments: Any) -> tuple[ResultObject, ...]:
        rows = put(self, name, *arguments)
        unnamed.append((self.folder / name).rename(self.folder / f"{name}.part"))
        return rows

    def wrong_add_results(self: Cases, case_id: int, results: Sequence[ResultObject]) -> None:
        add_results(self, case_id, results)
        for part in unnamed:
            part.rename(part.with_suffix(""))
        unnamed.clear()

    patch(Outbox, "put", wrong_put)
    patch(Cases, "add_results", wrong_add_results)


def attempts_uncounted() -> None:
    """A claim is no attempt: a case that kills its worker is taken up again for ever."""
    claim = Cases.claim

    def wrong(self: Cases, case_id: int) -> Case:
        claim(self, case_id)
        with self._writer.transaction() as connection:
            connection.execute("UPDATE revision SET attempts = attempts - 1 WHERE id = ?", (case_id,))
        return self.get(case_id)

    patch(Cases, "claim", wrong)


def running_forgotten() -> None:
    """What a worker that died was working on is not queued again."""
    patch(Cases, "requeue_running", lambda self: 0)


def uids_drawn() -> None:
    """UIDs of results are drawn, not derived."""
    drawn: dict[str, str] = {}

    def wrong(self: UidSpace, role: str) -> str:
        return drawn.setdefault(f"{self.key} {role}", f"2.25.{secrets.randbits(120)}")

    patch(UidSpace, "uid", wrong)


MUTANTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (cursor_first, results_first, attempts_uncounted, running_forgotten, uids_drawn)
}


class _Held:
    """Lets the cursor through at once and keeps the news of series for later."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._news: list[tuple[Any, ...]] = []

    def cursor(self) -> int:
        return self._cases.cursor()

    def advance_cursor(self, rowid: int) -> None:
        self._cases.advance_cursor(rowid)

    def upsert_series(self, *news: Any) -> None:
        self._news.append(news)

    def write(self) -> None:
        for news in self._news:
            self._cases.upsert_series(*news)
