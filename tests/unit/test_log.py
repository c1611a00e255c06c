"""What a log line holds, and that patient data does not get into one."""

from __future__ import annotations

import errno
import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydicom.dataset import Dataset

from ctsma_node import log
from ctsma_node.errors import Refused

SECRET = "Secret^Patient"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, hook, configuration = logging.getLogger(), threading.excepthook, structlog.get_config()
    handlers, level, filters = root.handlers[:], root.level, warnings.filters[:]
    stream = io.StringIO()
    log.configure("info", stream)
    yield stream
    structlog.configure(**configuration)
    logging.captureWarnings(False)
    root.handlers, threading.excepthook = handlers, hook
    warnings.filters[:] = filters  # type: ignore[index]
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_json_line_with_an_action(stream: io.StringIO) -> None:
    log.logger.bind(association="a").info("instance.stored", series="1.2", size=3)
    (line,) = lines(stream)
    assert list(line)[:3] == ["time", "level", "action"]
    assert line["time"].endswith("+00:00")
    del line["time"]
    assert line == {
        "level": "info",
        "action": "instance.stored",
        "association": "a",
        "series": "1.2",
        "size": 3,
    }


def test_levels_are_kept(stream: io.StringIO) -> None:
    log.logger.debug("noise")
    assert "noise" not in {line["action"] for line in lines(stream)}


def test_a_field_that_is_not_listed_is_dropped(stream: io.StringIO) -> None:
    log.logger.info("instance.stored", PatientName=SECRET, series="1.2")
    assert lines(stream)[0]["dropped"] == ["PatientName"]
    assert SECRET not in stream.getvalue()


def test_a_value_cannot_break_a_line_or_fill_the_disk(stream: io.StringIO) -> None:
    log.logger.info("association.rejected", calling_ae="A\n{\x00\u202e", reason="x" * 9999)
    (line,) = lines(stream)
    assert line["calling_ae"] == "A?{??"
    assert len(line["reason"]) == 400


def test_an_error_is_its_type_and_place_and_not_its_text(stream: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.logger.error("instance.failed", exc_info=True)
    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert line["where"].startswith("unit/test_log.py:")
    assert SECRET not in stream.getvalue()


def test_the_nodes_own_errors_say_why(stream: io.StringIO) -> None:
    assert log.describe(Refused("not_ct", "No CT."))["reason"] == "not_ct: No CT."


def test_a_librarys_words_stay_out(stream: io.StringIO) -> None:
    logging.getLogger("pynetdicom.acse").error("Invalid value '%s'", SECRET)
    try:
        raise KeyError(SECRET)
    except KeyError:
        logging.getLogger("pydicom").exception(SECRET)
    first, second = lines(stream)
    assert (first["action"], first["library"]) == ("library.message", "pynetdicom.acse")
    assert first["where"].startswith("unit/test_log.py:")
    assert second["error"] == "KeyError"
    assert SECRET not in stream.getvalue()


def test_pydicoms_warnings_keep_their_values_to_themselves(stream: io.StringIO) -> None:
    ds = Dataset()
    ds.add_new("StudyDate", "DA", SECRET)
    warnings.warn(f"Invalid value for VR DA: {SECRET!r}", UserWarning, stacklevel=1)
    assert any("UserWarning" in line["where"] for line in lines(stream))
    assert SECRET not in stream.getvalue()


def test_a_log_that_cannot_be_written_fails_nothing(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        for name in ("write", "flush"):
            patched.setattr(stream, name, full)
        log.logger.error("disk.low")
        logging.getLogger("pynetdicom").error("full")
    log.logger.info("disk.room_again")
    assert [line["action"] for line in lines(stream)] == ["disk.room_again"]
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_one_line(stream: io.StringIO) -> None:
    def die() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    (line,) = lines(stream)
    assert (line["action"], line["error"]) == ("thread.died", "RuntimeError")
    assert SECRET not in stream.getvalue()
