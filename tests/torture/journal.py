"""Where the kills fell, and what a node's own log says of it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from tests.torture.node import TortureNode
from tests.torture.run import Tally
from tests.torture.traffic import Book

UNEXPECTED = "errors in the log that nothing explains"
_EXPLAINED = {"instance.conflict"}


class Journal:
    """Counts into a tally."""

    def __init__(self, node: TortureNode, tally: Tally) -> None:
        self._node, self._tally = node, tally
        tally.count(UNEXPECTED, 0)

    def note_worker(self) -> None:
        """The worker was killed: count what it was doing."""
        if not self._node.settings.ledger_path.exists():
            return
        where = f"{self._node.settings.ledger_path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True)) as connection:
            running = connection.execute("SELECT state FROM revision WHERE running = 1").fetchone()
            sending = connection.execute("SELECT 1 FROM delivery WHERE state = 'pending'").fetchone()
        doing = f"of {running[0]}" if running else "delivering" if sending else "between cases"
        self._tally.count(f"worker killed: {doing}")

    def tell(self, book: Book) -> None:
        """Add up what recoveries found, and name errors that are none of the suite's doing."""
        found: Counter[str] = Counter()
        for line in self._lines():
            if line["action"] in ("receive.recovered", "receive.adopted"):
                names = ("parts_removed", "adopted", "associations_closed")
                found.update({name: line.get(name, 0) for name in names})
            elif line["level"] in ("error", "critical") and line["action"] not in _EXPLAINED:
                self._tally.fault(UNEXPECTED, f"{line['action']} {line.get('error')} {line.get('where')}")
        self._tally.count("half files removed at a start", found["parts_removed"])
        self._tally.count("files without a row taken in at a start", found["adopted"])
        self._tally.count("associations closed at a start", found["associations_closed"])
        self._tally.count("answers of success", book.count)
        self._tally.count("instances acknowledged", len(book.kept))
        self._tally.count("others under their UIDs set aside", len(book.set_aside))
        if book.refused:
            statuses = Counter(f"{status:04X}" for status in book.refused)
            self._tally.fault("answers that are not right", json.dumps(statuses))

    def count(self, action: str) -> int:
        """How often the log tells of something."""
        return sum(line["action"] == action for line in self._lines())

    def _lines(self) -> list[dict[str, Any]]:
        lines = self._node.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
