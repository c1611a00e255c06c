"""The payload of a Store request: Part 10 files as they lie on disk (PS3.18 10.5.1.3, RFC 2387)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

_CHUNK = 1 << 16
"""Sent within the time of one silence: Python counts the whole of what it is given to send at once."""

_PART = b"Content-Type: application/dicom\r\n\r\n"


class Multipart:
    """multipart/related of files; its length is known before it is sent, so no server need know chunks."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._boundary = uuid.uuid4().hex
        self._lengths = [path.stat().st_size for path in self._paths]

    @property
    def headers(self) -> dict[str, str]:
        """Content-Type and Content-Length."""
        around = sum(len(self._before()) + len(b"\r\n") for _ in self._paths) + len(self._end())
        return {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={self._boundary}',
            "Content-Length": str(sum(self._lengths) + around),
        }

    def __iter__(self) -> Iterator[bytes]:
        """The bytes of the payload; the files are read as they are sent."""
        for path in self._paths:
            yield self._before()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
            yield b"\r\n"
        yield self._end()

    def _before(self) -> bytes:
        return f"--{self._boundary}\r\n".encode() + _PART

    def _end(self) -> bytes:
        return f"--{self._boundary}--\r\n".encode()
