"""Tells, in the log and in the audit trail, who was not let in; nobody fills the disk by being told of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ctsma_node import log
from ctsma_node.audit import Party, Recorder, alerted

_WINDOW_S = 60.0
_MOST = 10
"""Alerts of one kind about one address within a window; of more of them only the number is told."""
_MOST_KINDS = 1000


@dataclass
class _Window:
    begun_at: float
    told: int = 0
    untold: int = 0


class Alerts:
    """Refused connections, rejected associations, bytes set aside. Any thread may call."""

    def __init__(
        self,
        recorder: Recorder,
        count: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`count` hears of every one of them, also of those that are not told."""
        self._recorder = recorder
        self._tally = count
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[tuple[str, str], _Window] = {}

    def refused(self, host: str, code: str, reason: str | None = None) -> None:
        """A connection ended before its association was looked at; a code like 2/3/1 is an A-ASSOCIATE-RJ."""
        action = "association.rejected" if "/" in code else "connection.refused"
        self._tell(action, Party("", host), code, {} if reason is None else {"reason": reason})

    def rejected(self, host: str, code: str, calling_ae: str, called_ae: str) -> None:
        """An association was rejected for who asked for it."""
        fields = {"calling_ae": calling_ae, "called_ae": called_ae}
        self._tell("association.rejected", Party(calling_ae, host), code, fields)

    def set_aside(self, host: str, code: str, calling_ae: str) -> None:
        """Bytes of a known peer went into quarantine, which is logged where it is done."""
        untold = self._count(host, code)
        if untold is not None:
            self._record(Party(calling_ae, host), code, untold, quarantine=True)

    def _tell(self, action: str, peer: Party, code: str, fields: dict[str, str]) -> None:
        self._tally(f"{action.partition('.')[2]} {code}")
        untold = self._count(peer.host, code)
        if untold is None:
            return
        more: dict[str, str | int] = dict(fields)
        if untold:
            more["count"] = untold  # of those before that were not told
        log.logger.warning(action, address=peer.host, code=code, **more)
        if code != "closed":
            self._record(peer, f"{action} {code} {fields.get('reason', '')}".strip(), untold)

    def _record(self, peer: Party, text: str, untold: int, *, quarantine: bool = False) -> None:
        recorder = self._recorder
        peer = Party(log.safe_text(peer.ae_title), peer.host)
        now = recorder.clock()
        recorder.record(alerted(recorder.ae_title, peer, text, now, quarantine=quarantine, repeated=untold))

    def _count(self, host: str, code: str) -> int | None:
        """How many of its kind were not told before this one; None where this one is not told either."""
        now = self._clock()
        with self._lock:
            if len(self._windows) >= _MOST_KINDS:
                self._windows.clear()
            window = self._windows.setdefault((host, code), _Window(now))
            untold = 0
            if now - window.begun_at > _WINDOW_S:
                untold, self._windows[host, code] = window.untold, _Window(now)
                window = self._windows[host, code]
            if window.told >= _MOST:
                window.untold += 1
                return None
            window.told += 1
            return untold
