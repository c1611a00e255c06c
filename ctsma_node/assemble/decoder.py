"""Decodes compressed pixels for another process, which starts this file as a program (see `decoding`).

The decoders are other people's C and C++, and the bytes are whoever's may send. One that crashes, turns in
circles or takes all memory ends this process, and costs the series that it was asked for.

Standard input brings a line of JSON for each request; standard output takes READY once, and for each frame
an ANSWER and the stored values, or an ANSWER without any where the decoder raised.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

READY = b"ready\n"
_ITEM = b"\xfe\xff\x00\xe0"
ANSWER = struct.Struct("<4sLL")  # NumPy's type string, rows, columns; all zero where it cannot be decoded


def main() -> None:
    """Answer until there is no more to read."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    _be_the_first_to_go()
    # Imported here, so that whoever only wants the forms above has no use for them.
    import pydicom.pixels.decoders.base  # noqa: F401

    answers.write(READY)
    answers.flush()
    for line in sys.stdin.buffer:
        _answer(json.loads(line), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    """Decode the frames asked for, in the order given; ends behind the first that cannot be decoded."""
    from pydicom import dcmread
    from pydicom.datadict import dictionary_VR
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        _limit_memory(request["memory_bytes"])
        ds = dcmread(request["path"], force=True)
        ds.file_meta.TransferSyntaxUID = UID(request["syntax"])
        for keyword, value in request["stated"].items():
            ds.add_new(keyword, dictionary_VR(keyword), value)
        if int(ds.get("NumberOfFrames") or 1) == 1:
            _forget_offsets(ds)
        decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
        # Not for each syntax does the decoder clear unused bits by itself, so that it is told only not to.
        options = {} if request["clear"] else {"correct_unused_bits": False}
        decoded = decoder.iter_array(
            ds, indices=request["indices"], raw=True, decoding_plugin=request["plugin"], **options
        )
        for _ in request["indices"]:
            _limit_time(request["cpu_s"])
            pixels, _ = next(decoded)
            rows, columns = pixels.shape
            answers.write(ANSWER.pack(pixels.dtype.str.encode(), rows, columns))
            answers.write(memoryview(pixels.tobytes()))
            answers.flush()
    except Exception:  # plugins raise whatever their C++ raises
        answers.write(ANSWER.pack(b"", 0, 0))
        answers.flush()


def _forget_offsets(ds: Any) -> None:
    """All fragments are of the one frame (PS3.5 A.4), whatever a wrong table says of where it begins."""
    data = ds.PixelData
    if data[:4] == _ITEM:
        ds.PixelData = _ITEM + bytes(4) + data[8 + int.from_bytes(data[4:8], "little") :]
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        ds.pop(keyword, None)


def _limit_memory(more_bytes: int) -> None:
    """Let this process map so much more than it has by now (setrlimit(2), RLIMIT_AS)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + more_bytes)


def _limit_time(more_s: int) -> None:
    """Let it take so many seconds of a processor more: SIGXCPU ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + 1 + more_s)


def _limit(which: int, value: int) -> None:
    """Where the service has a lower limit of its own, that holds."""
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _be_the_first_to_go() -> None:
    """Where the machine has no memory left, the kernel takes this process and not the worker."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main()
