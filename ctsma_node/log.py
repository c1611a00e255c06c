"""JSON lines on standard error, one event each, with a stable `action`; patient data cannot get in.

What the node logs itself is checked against a list of fields. What libraries log is reduced to where in
their code it was said: pydicom's warnings quote raw values and pynetdicom's messages quote what peers sent.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from ctsma_node.errors import NodeError

Logger = structlog.typing.FilteringBoundLogger
logger: Logger = structlog.get_logger()

FIELDS = frozenset(
    """
    time level action process pid version
    association series study instance case revision delivery
    calling_ae called_ae address port tls source destination
    stage code reason status state from_state to_state error where attempt due_at signal exit_code library
    count size seconds path n_instances n_objects free_bytes bundle device
    completed_by
    parts_removed unindexed adopted unreadable missing associations_closed open_associations
    sections
    """.split()  # noqa: SIM905 (a table to read, not a list to quote)
)
"""Every field an event may have; another one is dropped and named in `dropped`."""

_UNSAFE = re.compile(r"[^\x20-\x7e]")
_LONGEST = 400


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send the node's events and the libraries' messages to a stream (default: standard error)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    target = cast(TextIO, _Forbearing(sys.stderr if stream is None else stream))
    structlog.configure(
        processors=[structlog.processors.add_log_level, _shape, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_LibraryFormatter())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    threading.excepthook = _thread_died


def safe(value: object) -> str | int | float | bool | None:
    """Return a value as it may stand in a log: numbers as they are, text printable ASCII and not long."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return safe_text(str(value))


def safe_text(text: str) -> str:
    """Return a text as printable ASCII, and not long."""
    return _UNSAFE.sub("?", text)[:_LONGEST]


def describe(error: BaseException) -> dict[str, str]:
    """Return an error as log fields: its type, where it was raised, and its text only if it is our own."""
    fields = {"error": type(error).__name__, "where": _where(error.__traceback__)}
    if isinstance(error, NodeError):
        fields["reason"] = str(error)
    return fields


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _where(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-3:]
    return " < ".join(f"{_tail(frame.filename)}:{frame.lineno}" for frame in reversed(frames))


def _tail(filename: str) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:])


def _shape(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the action, add the time, reduce an exception, and let no field through that is not listed."""
    first = {"time": _now(), "level": event.pop("level", None), "action": event.pop("event")}
    error = event.pop("exc_info", None)
    if error:
        error = sys.exc_info()[1] if error is True else error
        event.update(describe(error) if isinstance(error, BaseException) else {})
    dropped = sorted(set(event) - FIELDS)
    shaped: dict[str, Any] = {k: safe(v) for k, v in (first | dict(event)).items() if k in FIELDS}
    if dropped:
        shaped["dropped"] = dropped
    return shaped


class _Forbearing:
    """Loses what cannot be written: a log on a full disk must not fail what it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _LibraryFormatter(logging.Formatter):
    """Where a library said something, never what it said."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": _now(),
            "level": record.levelname.lower(),
            "action": "library.message",
            "library": record.name,
            "where": f"{_tail(record.pathname)}:{record.lineno}",
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields |= describe(record.exc_info[1])
        elif record.name == "py.warnings":
            fields["where"] = _warned_at(record.getMessage())
        return json.dumps({key: safe(value) for key, value in fields.items()})


def _warned_at(message: str) -> str:
    """Return "file:line" and the category from a formatted warning, without its text."""
    found = re.match(r"(?P<file>[^\n:]+):(?P<line>\d+): (?P<category>\w+):", message)
    return f"{_tail(found['file'])}:{found['line']} {found['category']}" if found else "unknown"


def _thread_died(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value
    fields = {"error": arguments.exc_type.__name__} if error is None else describe(error)
    logger.error("thread.died", **fields)
