"""Bytes made wrong, a little or a lot: each change follows from the generator that is given."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

_LENGTHS = (0, 1, 2, 3, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_BYTES = (0x00, 0x01, 0x0A, 0x20, 0x2E, 0x2F, 0x5C, 0x7F, 0x80, 0xFE, 0xFF)
_FORMS = ("<H", ">H", "<L", ">L")

NASTY_TEXTS = (
    b"",
    b"\0",
    b"\n",
    b"../../../../etc/passwd",
    b"1.2.3/../../x",
    b"1..2",
    b".1",
    b"1.02.3",
    b"1.2.3\n1.2.4",
    b"1.2.3\0.4",
    b"1." * 32,
    b"1." * 300 + b"2",
    b"\\",
    b"1.2\\1.3",
    b"\xff\xfe\xe4\xf6",
    b"%s%n{0}",
)
"""Values that a UID or an AE title must never be taken for, or taken as a path."""


def damaged(content: bytes, draw: Random, focus: int = 1 << 30, most: int = 4) -> bytes:
    """One to `most` changes, rather few: bits, bytes, lengths, ranges lost, doubled or put in, the end.

    Most of them are within the first `focus` bytes.
    """
    spoilt = bytearray(content)
    for _ in range(min(draw.randint(1, most), draw.randint(1, most))):
        end = len(spoilt) if draw.random() < 0.2 else min(len(spoilt), focus)
        draw.choice(_WAYS)(spoilt, draw.randrange(end) if end else 0, draw)
    return bytes(spoilt)


def spliced(content: bytes, other: bytes, draw: Random) -> bytes:
    """The start of one, some of another, the end of the first: elements come to stand where none belongs."""
    at, start = draw.randrange(len(content) + 1), draw.randrange(len(other) + 1)
    part = other[start : start + draw.choice((8, 16, 64, 300, 3000))]
    return content[:at] + part + content[at + draw.choice((0, 0, len(part))) :]


def _flip(spoilt: bytearray, at: int, draw: Random) -> None:
    if spoilt:
        spoilt[at] ^= 1 << draw.randrange(8)


def _set(spoilt: bytearray, at: int, draw: Random) -> None:
    if spoilt:
        spoilt[at] = draw.choice(_BYTES) if draw.random() < 0.5 else draw.randrange(256)


def _write_length(spoilt: bytearray, at: int, draw: Random) -> None:
    form = draw.choice(_FORMS)
    size = struct.calcsize(form)
    if len(spoilt) >= size:
        at = min(at, len(spoilt) - size)
        struct.pack_into(form, spoilt, at, draw.choice(_LENGTHS) & (1 << 8 * size) - 1)


def _lose(spoilt: bytearray, at: int, draw: Random) -> None:
    del spoilt[at : at + draw.randint(1, 16)]


def _insert(spoilt: bytearray, at: int, draw: Random) -> None:
    spoilt[at:at] = draw.choice(NASTY_TEXTS) if draw.random() < 0.3 else draw.randbytes(draw.randint(1, 16))


def _repeat(spoilt: bytearray, at: int, draw: Random) -> None:
    length = draw.randint(1, 64)
    spoilt[at:at] = spoilt[at : at + length] * draw.randint(1, 4)


def _cut(spoilt: bytearray, at: int, draw: Random) -> None:
    del spoilt[at:]


_WAYS: tuple[Callable[[bytearray, int, Random], None], ...] = (
    *(_flip, _flip, _set, _set, _write_length, _write_length),
    *(_lose, _insert, _repeat, _cut),
)
