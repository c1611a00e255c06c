"""The worker's loop: one case at a time in the main thread, beside it the inbox's sweep and the couriers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ctsma_node import log
from ctsma_node.audit import Recorder
from ctsma_node.clock import ClockWatch
from ctsma_node.commands import CommandFolder
from ctsma_node.config.settings import Settings
from ctsma_node.heartbeat import BEAT_S, Pulse, courier_loop
from ctsma_node.ledger.asked import AskedCases
from ctsma_node.ledger.inbox import InboxReader
from ctsma_node.notices import ways
from ctsma_node.pauses import PauseFolder
from ctsma_node.quota import Quota
from ctsma_node.records import Case, SeriesState
from ctsma_node.rounds import Rounds
from ctsma_node.systemd import notify
from ctsma_node.worker.advance import advance
from ctsma_node.worker.chain import WORKABLE, Chain
from ctsma_node.worker.commands import Commands
from ctsma_node.worker.couriers import Courier
from ctsma_node.worker.ending import Ending
from ctsma_node.worker.enquirer import Enquirer
from ctsma_node.worker.intake import Intake
from ctsma_node.worker.notices import Notices
from ctsma_node.worker.outbox import Outbox
from ctsma_node.worker.outbox_room import OutboxRoom
from ctsma_node.worker.pausing import Pausing
from ctsma_node.worker.purge import OutboxPurge
from ctsma_node.worker.reports import Reports
from ctsma_node.worker.room import Room
from ctsma_node.worker.routes import schedule_of
from ctsma_node.worker.steps import Analyses
from ctsma_node.worker.turns import next_case
from ctsma_node.worker.verdicts import Verdicts

STALLED_S = 240.0
"""The watchdog is not fed any more when the main thread has shown no sign of life for so long."""

_LOOK_S = 0.25
_REST_S = 1.0
_PURGE_S = 3600.0
_SETTLE_S = 30.0
"""How often cases are looked for that have ended and could not be told so when they did."""

_TELL_S = 15.0
_WATCHDOG_S = 10.0


class Worker:
    """Everything that moves cases, on one ledger. `run` returns when it was asked to stop and has drained."""

    def __init__(
        self,
        settings: Settings,
        analyser: Analyses,
        clock: Callable[[], float] = time.time,
        clock_watch: ClockWatch | None = None,
    ) -> None:
        """`clock_watch` is that of the worker before, where one was before in this process."""
        self._settings = settings
        self._clock = clock
        self.clock_watch = clock_watch or ClockWatch(settings.clock_path("work"), clock)
        self._cases = AskedCases(settings.ledger_path, settings.worker.max_attempts, clock)
        self._inbox = InboxReader(settings.inbox_path)
        self._intake = Intake(self._inbox, self._cases, settings.completion, clock)
        quota = Quota(settings.outbox_dir, settings.limits.outbox_quota_bytes)
        outbox = Outbox(settings.outbox_dir, quota)
        self._outbox_room = OutboxRoom(settings, quota, self._cases)
        self._chain = Chain(settings, self._inbox, self._cases, analyser, self._progress, clock, outbox)
        self._ending = Ending(self._cases)
        verdicts = Verdicts(self._cases, schedule_of(settings), clock)
        self._reports = Reports(self._inbox, self._cases, verdicts, self._ending)
        self._pausing = Pausing(PauseFolder(settings.paused_dir), self._cases)
        self._room = Room(settings.node.state_dir, settings.worker.min_free_bytes)
        self._purging = OutboxPurge(settings, self._cases, clock)
        told = self._outbox_room.troubles
        self._notices = [
            Notices(settings, self._cases, self._inbox, way, clock, troubles=told)
            for way in ways(settings.notify)
        ]
        self._recorder = Recorder(settings, "work", clock)
        folder = CommandFolder(settings.commands_dir)
        self._commands = Commands(folder, self._cases, self._ending, self._inbox.purged_count)
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
        self._is_astray = False  # the ledger may say that a case is being worked on, which none is
        self._alive_at = time.monotonic()
        self._swept_at = time.monotonic()
        self._pulse = Pulse(settings.heartbeat_path("work"), clock)
        self._analyser = analyser
        self._troubles: dict[str, str] = {}

    def recover(self) -> None:
        """Queue again what was running, and end what had been delivered, when the last worker died."""
        Outbox(self._settings.outbox_dir).prepare()
        self._pausing.prepare()
        self._pausing.sweep()  # before any courier looks
        self._purging.finish()
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
        self._tell_troubles()
        self._beat()
        rounds = self._rounds()
        rounds.start()
        for beside in self._beside:
            beside.start()
        ready()
        try:
            while not self._stop_asked:
                self._alive_at = time.monotonic()
                self._commands.carry_out()
                if not self._work_or_rest():
                    self._wake.wait(_LOOK_S)
                    self._wake.clear()
        finally:
            self._drain(rounds)

    def stop(self) -> None:
        """Ask `run` to drain and return. Takes no lock: a signal handler may call it at any moment."""
        self._stop_asked = True

    def sweep(self) -> None:
        """Take over what has arrived; a round and the enquirers call it, from their threads."""
        try:
            with self._sweeping:
                self._follow_the_clock()
                self._pausing.sweep()
                self._reports.sweep()
                stable = self._intake.sweep()
            if stable:
                self._wake.set()
            self._swept_at = time.monotonic()
        except Exception:  # the next sweep comes in a moment; the inbox is unchanged
            log.logger.error("sweep.failed", exc_info=True)

    def work_once(self) -> bool:
        """Run one step of one case; False when none is waiting, or no room is left for what it makes."""
        case = self._next()
        if case is None or not self._room.is_there():
            return False
        attempts = self._settings.worker.max_attempts
        moved = advance(self._cases, case.id, self._chain.step, attempts, self._clock, self._chain.facts)
        self._tell_troubles()
        if moved.state not in WORKABLE:
            self._chain.forget(case.id)
            self._cases.wake(moved.study_uid, "waiting_for_sibling")
        if moved.state in (SeriesState.REPORTED, SeriesState.REFUSED):
            for courier in self._couriers:
                courier.wake()
        return True

    def _work_or_rest(self) -> bool:
        """`work_once`; where the ledger could not be written, the case is queued again once it can."""
        try:
            if self._is_astray:
                self._cases.requeue_running()
                self._is_astray = False
            return self.work_once()
        except Exception:  # the disk is full or broken: what the step has made is still at hand
            log.logger.error("work.failed", exc_info=True)
            self._is_astray = True
            self._wake.wait(_REST_S)
            return False

    def close(self) -> None:
        """Close the ledgers."""
        self._cases.close()
        self._inbox.close()

    def _next(self) -> Case | None:
        """The case whose turn it is of those that are waiting and due.

        Where the outbox has no room for another set, nothing is analysed; what the gate refuses needs none.
        """
        now = self._clock()
        waiting = [
            case
            for case in self._cases.in_state(*WORKABLE)
            if not case.running and (case.due_at is None or case.due_at <= now)
        ]
        if waiting and not self._outbox_room.is_there():
            waiting = [case for case in waiting if case.state is SeriesState.STABLE]
        return next_case(waiting, self._chain.at_hand, self._chain.gathers)

    def _progress(self, stage: str, fraction: float) -> None:
        self._alive_at = time.monotonic()
        log.logger.debug("analysis.stage", case=self._chain.case_at_work, stage=stage)

    def _rounds(self) -> Rounds:
        rounds = Rounds()
        rounds.add("sweep", self.sweep, self._settings.worker.sweep_s)
        rounds.add("watchdog", self._watch, _WATCHDOG_S)
        rounds.add("endings", self._ending.settle_ended, _SETTLE_S)
        rounds.add("purge", self._purge, _PURGE_S, at_once=True)
        if self._settings.notify.enabled:
            rounds.add("notices", self._tell, _TELL_S)
        rounds.add("beat", self._beat, BEAT_S)
        return rounds

    def _follow_the_clock(self) -> None:
        """What waits is moved along with a clock that was set; called under the lock of the sweep."""
        if step := self.clock_watch.step_s():
            self._cases.move_timers(step)

    def _watch(self) -> None:
        if time.monotonic() - self._alive_at < STALLED_S:
            notify("WATCHDOG=1")

    def _beat(self) -> None:
        """Say that the worker lives, and when its loops last showed it."""
        ago = {"steps": self._alive_at, "sweep": self._swept_at}
        ago |= {courier_loop(each.destination.name): each.alive_at for each in self._couriers}
        now = time.monotonic()
        alive = {loop: self._clock() - (now - at) for loop, at in ago.items()}
        troubles = self._troubles | self._outbox_room.troubles()
        self._pulse.beat("ready", alive, bundle=self._analyser.digest, troubles=troubles)

    def _tell_troubles(self) -> None:
        """Say when the analysis left its device, and when it is back."""
        found = dict(self._analyser.troubles)
        for code in found.keys() - self._troubles.keys():
            log.logger.warning("analysis.on_cpu", code=code, reason=found[code])
        for code in self._troubles.keys() - found.keys():
            log.logger.info("analysis.back_on_gpu", code=code)
        self._troubles = found

    def _tell(self) -> None:
        for notices in self._notices:
            try:
                notices.sweep()
            except Exception:  # a ledger is busy: the next look comes in a moment, and nothing counts as told
                log.logger.error("notice.failed", exc_info=True)

    def _purge(self) -> None:
        try:
            with self._sweeping:
                self._follow_the_clock()
            if self.clock_watch.is_trusted():
                self._purging.run()
            else:
                log.logger.warning("purge.held")
        except Exception:  # what was marked is removed at the next start, the rest in an hour
            log.logger.error("purge.failed", exc_info=True)

    def _drain(self, rounds: Rounds) -> None:
        """The rounds go last: one feeds the watchdog while a courier waits for its peer's answer."""
        log.logger.info("worker.stopping")
        for beside in self._beside:
            beside.stop()
        for beside in self._beside:
            beside.join()
        rounds.stop()
        self._recorder.close()
        self.close()
        self._pulse.end()
