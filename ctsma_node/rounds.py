"""What is done every so often, by the monotonic clock: whoever sets the system's clock holds up nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ctsma_node import log


class Round(threading.Thread):
    """Calls something at once or after the first pause, and behind every further one, until it is stopped.

    What it raises is logged, and the next turn comes all the same.
    """

    def __init__(
        self, name: str, call: Callable[[], object], pause_s: float, *, at_once: bool = False
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._call = call
        self._pause_s = pause_s
        self._due = threading.Event()
        self._stopped = False
        if at_once:
            self._due.set()

    def run(self) -> None:
        """Run the thread."""
        while True:
            self._due.wait(self._pause_s)
            self._due.clear()
            if self._stopped:
                return
            try:
                self._call()
            except Exception:
                log.logger.error("round.failed", stage=self.name, exc_info=True)

    def hurry(self) -> None:
        """Have the next turn now."""
        self._due.set()

    def stop(self) -> None:
        """End behind the turn at hand."""
        self._stopped = True
        self._due.set()
        self.join()
