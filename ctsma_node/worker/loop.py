"""The worker's loop: one case at a time in the main thread, beside it the inbox's sweep and the couriers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.commands import CommandFolder
from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import BEAT_S, Pulse
from ctsma_node.ledger.asked import AskedCases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.pauses import PauseFolder
from ctsma_node.quota import Quota
from ctsma_node.records import Case, SeriesState
from ctsma_node.spool import free_bytes
from ctsma_node.worker.advance import advance
from ctsma_node.worker.chain import WORKABLE, Chain
from ctsma_node.worker.commands import Commands
from ctsma_node.worker.couriers import Courier
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.enquirer import Enquirer
from ctsma_node.worker.intake import Intake
from ctsma_node.worker.notify import notify
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.pausing import Pausing
from ctsma_node.worker.reports import Reports
from ctsma_node.worker.room import Room
from ctsma_node.worker.routes import schedule_of
from ctsma_node.worker.steps import Analyses
from ctsma_node.worker.verdicts import Verdicts

STALLED_S = 240.0
"""The watchdog is not fed any more when the main thread has shown no sign of life for so long."""

_LOOK_S = 0.25
_HOUSEKEEPING_S = 60.0
_WATCHDOG_S = 10.0


class Worker:
    """Everything that moves cases, on one ledger. `run` returns when it was asked to stop and has drained."""

    def __init__(
        self, settings: Settings, analyser: Analyses, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._cases = AskedCases(settings.ledger_path, settings.worker.max_attempts, clock)
        self._inbox = InboxReader(settings.inbox_path)
        self._intake = Intake(self._inbox, self._cases, settings.completion, clock)
        quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
        outbox = Outbox(settings.outbox_dir, quota)
        self._room = Room(quota, outbox, self._cases)
        self._chain = Chain(settings, self._inbox, self._cases, analyser, self._progress, clock, outbox)
        self._ending = Ending(self._cases)
        verdicts = Verdicts(self._cases, schedule_of(settings), clock)
        self._reports = Reports(self._inbox, self._cases, verdicts, self._ending)
        self._pausing = Pausing(PauseFolder(settings.paused_dir), self._cases)
        self._recorder = Recorder(settings, "work", clock)
        self._commands = Commands(CommandFolder(settings.commands_dir), self._cases, self._ending)
        self._couriers = [
            Courier(settings, each, self._cases, self._ending, clock, self._recorder)
            for each in settings.destinations
        ]
        enquirers = [
            Enquirer(settings, each, each.query, self._cases, self.sweep, clock)
            for each in settings.sources
            if each.query is not None
        ]
        self._beside: list[Courier | Enquirer] = [*self._couriers, *enquirers]
        self._sweeping = threading.Lock()
        self._wake = threading.Event()
        self._stop_asked = False
        self._alive_at = time.monotonic()
        self._swept_at = time.monotonic()
        self._pulse = Pulse(settings.heartbeat_path("work"), clock)
        self._bundle = analyser.digest

    def recover(self) -> None:
        """Queue again what was running, and end what had been delivered, when the last worker died."""
        Outbox(self._settings.outbox_dir).prepare()
        self._pausing.prepare()
        self._pausing.sweep()  # before any courier looks
        self._commands.prepare()
        count = self._cases.requeue_running()
        log.logger.info("worker.recovered", count=count)
        configured = {each.name for each in self._settings.destinations}
        for case in self._cases.in_state(SeriesState.REPORTED):
            if not self._cases.deliveries(case.id):
                self._cases.add_deliveries(case.id, self._settings.destinations)
            self._ending.settle(case.id)
        for each in self._cases.destinations():
            if each.pending + each.sent and each.name not in configured:
                log.logger.warning(
                    "destination.unknown", destination=each.name, count=each.pending + each.sent
                )

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stop`, then end the step at hand, the instances on their way, and the files."""
        self.recover()
        self._recorder.open()
        self._beat()
        scheduler = self._scheduler()
        scheduler.start()
        for beside in self._beside:
            beside.start()
        ready()
        try:
            while not self._stop_asked:
                self._alive_at = time.monotonic()
                self._commands.carry_out()
                if not self.work_once():
                    self._wake.wait(_LOOK_S)
                    self._wake.clear()
        finally:
            self._drain(scheduler)

    def stop(self) -> None:
        """Ask `run` to drain and return. Takes no lock: a signal handler may call it at any moment."""
        self._stop_asked = True

    def sweep(self) -> None:
        """Take over what has arrived; the scheduler and the enquirers call it from their threads."""
        try:
            with self._sweeping:
                self._pausing.sweep()
                self._reports.sweep()
                stable = self._intake.sweep()
            if stable:
                self._wake.set()
            self._swept_at = time.monotonic()
        except Exception:  # the next sweep comes in a moment; the inbox is unchanged
            log.logger.error("sweep.failed", exc_info=True)

    def work_once(self) -> bool:
        """Run one step of one case; False when none is waiting."""
        case = self._next()
        if case is None:
            return False
        attempts = self._settings.worker.max_attempts
        moved = advance(self._cases, case.id, self._chain.step, attempts, self._clock, self._chain.timings)
        if moved.state not in WORKABLE:
            self._chain.forget()
            self._cases.wake(moved.study_uid, "waiting_for_sibling")
        if moved.state in (SeriesState.REPORTED, SeriesState.REFUSED):
            for courier in self._couriers:
                courier.wake()
        return True

    def close(self) -> None:
        """Close the ledgers."""
        self._cases.close()
        self._inbox.close()

    def _next(self) -> Case | None:
        """The case at hand, whose volume is in memory, else the oldest that is waiting and due.

        Where the outbox has no room for another set, nothing is analysed; what the gate refuses needs none.
        """
        now, at_hand = self._clock(), self._chain.case_at_hand
        waiting = [
            case
            for case in self._cases.in_state(*WORKABLE)
            if not case.running and (case.due_at is None or case.due_at <= now)
        ]
        if waiting and not self._room.is_there():
            waiting = [case for case in waiting if case.state is SeriesState.STABLE]
        return min(waiting, key=lambda case: (case.id != at_hand, case.id), default=None)

    def _progress(self, stage: str, fraction: float) -> None:
        self._alive_at = time.monotonic()
        log.logger.debug("analysis.stage", case=self._chain.case_at_hand, stage=stage)

    def _scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        scheduler.add_job(self.sweep, "interval", seconds=self._settings.worker.sweep_s)
        scheduler.add_job(self._watch, "interval", seconds=_WATCHDOG_S)
        scheduler.add_job(self._beat, "interval", seconds=BEAT_S)
        scheduler.add_job(self._housekeep, "interval", seconds=_HOUSEKEEPING_S)
        return scheduler

    def _watch(self) -> None:
        if time.monotonic() - self._alive_at < STALLED_S:
            notify("WATCHDOG=1")

    def _beat(self) -> None:
        """Say that the worker lives, and when its loops last showed it."""
        ago = {"steps": self._alive_at, "sweep": self._swept_at}
        now = time.monotonic()
        alive = {loop: self._clock() - (now - at) for loop, at in ago.items()}
        self._pulse.beat("ready", alive, bundle=self._bundle)

    def _housekeep(self) -> None:
        free = free_bytes(self._settings.node.state_dir)
        if free < self._settings.limits.min_free_bytes:
            log.logger.warning("disk.low", free_bytes=free)

    def _drain(self, scheduler: BackgroundScheduler) -> None:
        log.logger.info("worker.stopping")
        notify("STOPPING=1")
        scheduler.shutdown(wait=True)
        for beside in self._beside:
            beside.stop()
        for beside in self._beside:
            beside.join()
        self._recorder.close()
        self.close()
        self._pulse.end()
