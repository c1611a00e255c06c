"""Connections to the page: one that is kept open without being used keeps nobody else out.

uvicorn waits for the first request of a connection, for the rest of one, and for an answer to be read, for as
long as the peer likes, and counts all of these among those that it serves at once.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_WAITING = 64
"""Connections that wait for a request at once; where there are more, the oldest goes."""

_REQUEST_S = 10.0
"""How long a request may take to come, from its connection or the answer before it to its last byte."""

_ANSWER_S = 60.0
"""How long an answer may take to be made and read."""


class BoundedConnection(H11Protocol):
    """HTTP/1.1, in time or not at all."""

    _since = 0.0  # when it began to wait, by the clock of the loop
    _deadline: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether it has no whole request at work."""
        if self.transport.is_closing():
            return False
        return self.cycle is None or self.cycle.more_body or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for its first request, and let the oldest of too many that wait go."""
        super().connection_made(transport)
        self._begin()
        waiting = [each for each in self.connections if isinstance(each, BoundedConnection) and each.waits]
        if len(waiting) > MOST_WAITING:
            min(waiting, key=lambda each: each._since).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; the last of them begin its answer."""
        waited = self.waits
        super().data_received(data)
        if waited and not self.waits:
            self._begin()

    def on_response_complete(self) -> None:
        """Wait for the next request, which may be there already."""
        super().on_response_complete()
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end()
        super().connection_lost(exc)

    def _begin(self) -> None:
        """Begin to wait, for a request or for an answer."""
        self._end()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(_REQUEST_S if self.waits else _ANSWER_S, self.transport.abort)

    def _end(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
