"""Steps over what is nested in a dataset, without making anything of it (PS3.5 7.5 and A.4).

pydicom reads a sequence of undefined length whole, though nothing of it is wanted: 8 MB of empty elements
take it 180 MiB and four seconds.
"""

from __future__ import annotations

import struct
from io import BytesIO

from pydicom.valuerep import STANDARD_VR

from ctsma_node.receive.refusal import UNREADABLE, Unfit

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
_DEEPEST = 250  # levels; pydicom, which the worker reads with, ends with a RecursionError about there
_MOST_ELEMENTS = 2_000_000
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""VRs with a length of four bytes, after two that are reserved (PS3.5 7.1.2)."""
_VRS = frozenset(each.value.encode() for each in STANDARD_VR)


class Stepper:
    """Steps over elements of one dataset; counts them, for what is endless is not read to its end."""

    def __init__(self, stream: BytesIO, *, is_little_endian: bool) -> None:
        self._stream = stream
        self._head = struct.Struct("<HHL" if is_little_endian else ">HHL")
        self._long = struct.Struct("<L" if is_little_endian else ">L")
        self._short = struct.Struct("<H" if is_little_endian else ">H")
        self._count = 0

    def count(self) -> None:
        """One element more. Raises Unfit where they are too many."""
        self._count += 1
        if self._count > _MOST_ELEMENTS:
            raise Unfit(UNREADABLE)

    def over(self, *, is_implicit: bool) -> None:
        """Go from the start of an element of undefined length to its end. Raises Unfit where it has none."""
        levels: list[bool] = []  # for each whether it is within an element of VR UN
        self._step(levels, is_implicit=is_implicit)
        while levels:
            self._step(levels, is_implicit=is_implicit)

    def _step(self, levels: list[bool], *, is_implicit: bool) -> None:
        """Take one item, delimiter or element; `levels` grows with what has an end of its own."""
        self.count()
        head = self._read(8)
        group, element, length = self._head.unpack(head)
        tag, vr = group << 16 | element, head[4:6]
        in_un = bool(levels) and levels[-1]
        if tag in (_ITEM_END, _SEQUENCE_END):
            del levels[-1:]
            return
        # UN of undefined length holds Implicit VR (PS3.5 6.2.2), but some write Explicit VR there.
        if tag != _ITEM and not is_implicit and (vr in _VRS if in_un else b"AA" <= vr <= b"ZZ"):
            length = self._long.unpack(self._read(4))[0] if vr in LONG else self._short.unpack(head[6:])[0]
            in_un = in_un or vr == b"UN"
        if length != UNDEFINED:
            self._stream.seek(self._stream.tell() + length)
        elif len(levels) < _DEEPEST:
            levels.append(in_un)
        else:
            raise Unfit(UNREADABLE)

    def _read(self, count: int) -> bytes:
        part = self._stream.read(count)
        if len(part) < count:
            raise Unfit(UNREADABLE)
        return part
