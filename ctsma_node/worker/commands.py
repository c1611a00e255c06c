"""Carries out what people ask of cases, between two steps: the worker alone moves them."""

from __future__ import annotations

import time
from collections.abc import Callable

from ctsma_node import log
from ctsma_node.commands import Action, Command, CommandFolder
from ctsma_node.ledger.asked import AskedCases
from ctsma_node.ledger.sqlite import LedgerError
from ctsma_node.records import Case
from ctsma_node.worker.ending import Ending

_REST_S = 5.0
"""After one that could not be carried out."""


class Commands:
    """Takes commands out of their folder; one carried out just before a crash is void the second time."""

    def __init__(
        self, folder: CommandFolder, cases: AskedCases, ending: Ending, purged: Callable[[str], int]
    ) -> None:
        self._folder = folder
        self._purged = purged  # how many instances of a series retention has removed
        self._cases = cases
        self._ending = ending
        self._rests_until = 0.0  # time.monotonic()

    def prepare(self) -> None:
        """Make the folder, so that people can ask."""
        self._folder.prepare()

    def carry_out(self) -> bool:
        """Do all that was asked for; says whether there was anything."""
        if time.monotonic() < self._rests_until:
            return False
        try:
            waiting = self._folder.waiting()
            for command in waiting:
                self._carry_out(command)
                self._folder.remove(command)
        except Exception:  # the ledger is busy or the disk is full: the command is still there
            log.logger.error("command.failed", exc_info=True)
            self._rests_until = time.monotonic() + _REST_S
            return False
        return bool(waiting)

    def _carry_out(self, command: Command) -> None:
        try:
            case = self._moved(command)
        except LedgerError:  # no such case
            case = None
        if case is None:
            log.logger.warning("command.void", case=command.case_id, code=command.action)
            return
        log.logger.info(
            "command.done",
            series=case.series_uid,
            case=case.id,
            revision=case.revision,
            code=command.action,
            to_state=case.state,
        )
        self._ending.settle(case.id)  # it may have been cancelled with everything delivered

    def _moved(self, command: Command) -> Case | None:
        if command.action is Action.REQUEUE:
            return self._cases.requeue(command.case_id, command.seen_event, self._purged)
        if command.action is Action.RESEND:
            return self._cases.resend(command.case_id, command.seen_event, command.destination)
        return self._cases.cancel(command.case_id)
