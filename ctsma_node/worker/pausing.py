"""Follows what operators pause and resume; the ledger remembers since when, for the horizon's sake."""

from __future__ import annotations

from ctsma_node import log
from ctsma_node.ledger.cases import Cases
from ctsma_node.pauses import PauseFolder


class Pausing:
    """The sweep over the folder of pauses."""

    def __init__(self, folder: PauseFolder, cases: Cases) -> None:
        self._folder = folder
        self._cases = cases

    def prepare(self) -> None:
        """Make the folder, so that people can ask."""
        self._folder.prepare()

    def sweep(self) -> None:
        """Pause and resume what changed."""
        wanted, paused = self._folder.names(), self._cases.paused().keys()
        for name in sorted(wanted - paused):
            self._cases.pause(name)
            log.logger.info("destination.paused", destination=name)
        for name in sorted(paused - wanted):
            self._cases.resume(name)
            log.logger.info("destination.resumed", destination=name)
