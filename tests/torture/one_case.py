"""A series that was received, for a worker to make a set of, again and again from the same state."""

from __future__ import annotations

import random
import shutil
from contextlib import closing

from tests.torture.keeping_pacs import KeepingPacs
from tests.torture.node import TortureNode
from tests.torture.run import Run
from tests.torture.sets import Sets
from tests.torture.traffic import SLICES, Book, send, series


class OneCase:
    """A node whose receiver has taken one series and ended, and the PACS that its worker sends to."""

    def __init__(self, run: Run, max_attempts: int = 100) -> None:
        self._tally = run.tally
        self._pacs = KeepingPacs(random.Random(run.seed), slowest_s=0.0)
        self.node = TortureNode(run.folder, self._pacs.port, run.mutant, max_attempts)
        self._received = self.node.config.with_name("received")
        self.node.start_receiver()
        send(self.node.port, series(0), Book())
        self.node.stop("receive")
        shutil.copytree(self.node.settings.node.state_dir, self._received)

    def begin_anew(self) -> None:
        """As if no worker had ever lived."""
        shutil.rmtree(self.node.settings.node.state_dir)
        shutil.copytree(self._received, self.node.settings.node.state_dir)
        self._pacs.forget()

    def inspect(self, remake: int = 0) -> None:
        """Count what is not as it must be in the end."""
        with closing(Sets(self.node.settings, self._pacs, self._tally)) as sets:
            sets.inspect({series(0)[0].series_uid: SLICES}, remake)

    def close(self) -> None:
        """Kill what runs."""
        self.node.close()
        self._pacs.close()
