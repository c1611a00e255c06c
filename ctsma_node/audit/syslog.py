"""Takes the audit trail to a syslog server over TLS (PS3.15 A.6, RFC 5424, RFC 5425), whenever it is there.

The trail's files are the queue: what was sent is noted beside them, and what was not is sent after an outage
or a restart. A server that is away for so long that unsent files have to go is told in the log, with their
number. Syslog acknowledges nothing, so what was under way when a connection broke is sent again or lost.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ctsma_node import log
from ctsma_node.audit.trail import Trail
from ctsma_node.errors import NodeError
from ctsma_node.tls import ClientContext, why

_LOOK_S = 0.5
_FIRST_S, _LONGEST_S = 1.0, 60.0
_TIMEOUT_S = 10.0
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Position:
    """The file and the byte behind what was sent."""

    number: int
    offset: int


class Forwarder(threading.Thread):
    """Sends line after line in a thread of its own; nobody ever waits for it."""

    def __init__(self, trail: Trail, host: str, port: int, tls: ClientContext) -> None:
        super().__init__(name="audit forwarder", daemon=True)
        self._trail = trail
        self._where = (host, port)
        self._tls = tls
        self._noted = trail.folder / "sent"
        self._connection: socket.socket | None = None
        self._stopping = threading.Event()
        self._is_away = False
        self._lost_before = 0  # files of smaller numbers went unsent, and that was told

    def run(self) -> None:
        """Send what there is, wait, and send again."""
        wait_s, position = _FIRST_S, self._position()
        while True:
            try:
                position = self._send_all(position)
                wait_s = _FIRST_S
                if self._stopping.wait(_LOOK_S):
                    self._send_all(position)
                    break
            except (OSError, NodeError) as error:
                self._lose(error)
                if self._stopping.wait(wait_s):
                    break
                wait_s = min(2 * wait_s, _LONGEST_S)
        self._hang_up()

    def stop(self) -> None:
        """End, with what can be sent at once."""
        self._stopping.set()
        self.join(2 * _TIMEOUT_S)

    def _send_all(self, position: Position) -> Position:
        while lines := self._after(position):
            for line, position in lines:  # noqa: B007 (the last is where it goes on)
                self._send(line)
            self._note(position)
        return position

    def _after(self, position: Position) -> list[tuple[bytes, Position]]:
        """The next lines, each with the position behind it."""
        numbers = self._trail.numbers()
        oldest = numbers[0] if numbers else 0
        if oldest > max(position.number, self._lost_before) and position.number:
            log.logger.error("audit.unsent_lost", count=oldest - max(position.number, self._lost_before))
            self._lost_before = oldest
        found: list[tuple[bytes, Position]] = []
        for number in (each for each in numbers if each >= position.number):
            offset = position.offset if number == position.number else 0
            for line in self._lines(number, offset):
                offset += len(line)
                found.append((line.rstrip(b"\n"), Position(number, offset)))
                if len(found) >= _BATCH:
                    return found
        return found

    def _lines(self, number: int, offset: int) -> Iterator[bytes]:
        """Whole lines; one that is being written is left for later."""
        with suppress(FileNotFoundError), self._trail.path(number).open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line

    def _send(self, line: bytes) -> None:
        """Send one message with its length before it (RFC 5425 section 4.3)."""
        if self._connection is not None and _has_ended(self._connection):
            self._hang_up()
        if self._connection is None:
            plain = socket.create_connection(self._where, _TIMEOUT_S)
            self._connection = self._tls.context().wrap_socket(plain, server_hostname=self._tls.name)
            if self._is_away:
                log.logger.info("audit.reachable", address=self._where[0])
                self._is_away = False
        self._connection.sendall(b"%d %b" % (len(line), line))

    def _lose(self, error: OSError | NodeError) -> None:
        """Tell once that the server is away."""
        self._hang_up()
        if not self._is_away:
            reason = why(error) if isinstance(error, OSError) else str(error)
            log.logger.error("audit.unreachable", address=self._where[0], reason=reason)
        self._is_away = True

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None

    def _position(self) -> Position:
        try:
            number, offset = self._noted.read_text(encoding="ascii").split()
            return Position(int(number), int(offset))
        except (OSError, ValueError):
            return Position(0, 0)

    def _note(self, position: Position) -> None:
        part = self._noted.with_suffix(".part")
        part.write_text(f"{position.number} {position.offset}\n", encoding="ascii")
        os.replace(part, self._noted)  # noqa: PTH105 (one call, as in the spool)


def _has_ended(connection: socket.socket) -> bool:
    """Say whether the server has closed; it never sends anything else."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except OSError as error:
        return not isinstance(error, BlockingIOError) and type(error).__name__ != "SSLWantReadError"
    finally:
        connection.settimeout(_TIMEOUT_S)
