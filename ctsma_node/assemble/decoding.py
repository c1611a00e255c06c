"""Compressed pixels, decoded in a process of their own under limits of time and memory.

What a decoder does to that process ends in a refusal of the series; the worker goes on.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from pydicom.uid import UID

from ctsma_node.assemble import decoder
from ctsma_node.assemble.refusals import refused
from ctsma_node.errors import Transient

Stored = npt.NDArray[np.integer]

_PROGRAM = Path(decoder.__file__)
_START_S = 120.0
_FORMS = frozenset({"|u1", "|i1", "<u2", "<i2", "<u4", "<i4"})


@dataclass(frozen=True)
class Limits:
    """What one frame may take."""

    cpu_s: int = 20  # a 2048 x 2048 frame of JPEG 2000 takes under 2
    wall_s: float = 120.0  # for one that waits and does nothing
    memory_bytes: int = 1 << 30  # besides three times the file, which is read whole


LIMITS = Limits()


class Decoder:
    """A process that is started for the first frames asked for, and serves one series."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def frames(
        self,
        path: Path,
        syntax: UID,
        plugin: str,
        indices: Sequence[int],
        shape: tuple[int, int],
        *,
        stated: Mapping[str, int | str],
        clear: bool = True,
    ) -> Iterator[Stored]:
        """Frames (rows, columns) of an instance by their zero-based numbers, in the order given.

        `stated` are attributes, by keyword, that count in place of what the file says of them.
        Where `clear` is False, bits above Bits Stored are left as they were found.
        Raises Refused `undecodable_pixels`, also where a frame has another shape, and Transient where there
        is no memory for the process.
        """
        child = self._started()
        request = {
            "path": str(path),
            "syntax": str(syntax),
            "plugin": plugin,
            "indices": list(indices),
            "stated": dict(stated),
            "clear": clear,
            "cpu_s": LIMITS.cpu_s,
            "memory_bytes": LIMITS.memory_bytes + 3 * path.stat().st_size,
        }
        missing = len(indices)
        try:
            assert child.stdin is not None
            with suppress(BrokenPipeError):  # the answer that is missing tells
                child.stdin.write(json.dumps(request).encode() + b"\n")
                child.stdin.flush()
            for _ in indices:
                frame = self._frame(child, shape)
                missing -= 1
                yield frame
        finally:
            if missing:  # what it still says is for nobody
                self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None:
            return self._child
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the worker's, which ends what it is doing first
        )
        if self._read(self._child, len(decoder.READY), _START_S) != decoder.READY:
            self._end()
            raise Transient("The process that decodes compressed pixels did not start.")
        return self._child

    def _frame(self, child: subprocess.Popen[bytes], shape: tuple[int, int]) -> Stored:
        head = self._read(child, decoder.ANSWER.size, LIMITS.wall_s)
        if len(head) == decoder.ANSWER.size:
            form, rows, columns = decoder.ANSWER.unpack(head)
            kind = form.rstrip(b"\0").decode("ascii", "replace")
            if kind in _FORMS and (rows, columns) == shape:
                dtype = np.dtype(kind)
                values = self._read(child, rows * columns * dtype.itemsize, LIMITS.wall_s)
                if len(values) == rows * columns * dtype.itemsize:
                    return np.frombuffer(values, dtype).reshape(shape)
        elif self._was_taken(child):
            raise Transient("There was not enough memory to decode this series.")
        raise refused("undecodable_pixels", count=1)

    def _was_taken(self, child: subprocess.Popen[bytes]) -> bool:
        """Whether the kernel took it to free memory: by SIGKILL, which none of its limits sends."""
        with suppress(subprocess.TimeoutExpired):
            return child.wait(1.0) == -signal.SIGKILL
        return False

    def _read(self, child: subprocess.Popen[bytes], count: int, seconds: float) -> bytearray:
        """So many bytes; fewer where the process has ended or the time has run out."""
        assert child.stdout is not None
        descriptor, deadline = child.stdout.fileno(), time.monotonic() + seconds
        received, length = bytearray(count), 0
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        with memoryview(received) as view:
            while length < count:
                if not poll.poll(max(1000 * (deadline - time.monotonic()), 0)):
                    break
                part = os.readv(descriptor, [view[length:]])
                if part == 0:
                    break
                length += part
        del received[length:]
        return received

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()
