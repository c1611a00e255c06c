"""DIMSE messages that lie: odd command sets, wrong contexts, fragments that do not fit (PS3.7, PS3.8 E)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

from tests.fixtures import raw_peer as raw
from tests.torture.damage import NASTY_TEXTS, damaged

Element = tuple[int, bytes]
_FIELDS = (*(0x0001,) * 20, 0x0030, 0x0030, 0x0010, 0x0020, 0x0021, 0x0100, 0x0110, 0x0130, 0x0150)
_OTHER_FIELDS = (0x8001, 0x8030, 0x8020, 0x0FFF, 0x0000, 0x7777, 0xFFFF)
_ELEMENTS = (0x0002, 0x0003, 0x0100, 0x0110, 0x0120, 0x0600, 0x0700, 0x0800, 0x0900, 0x1000, 0x1008, 0x1030)
_HEADER = struct.Struct("<HHL")


def hostile_message(draw: Random, datasets: Sequence[bytes]) -> list[bytes]:
    """The P-DATA-TF PDUs of one message; mostly its command set is nearly right."""
    context = _context(draw)
    commands = command_set(draw)
    if draw.random() < 0.15:
        commands = damaged(commands, draw)
    pdus = _fragments(context, raw.COMMAND, commands, draw)
    if draw.random() < 0.9:
        dataset = draw.choice(datasets)
        content = damaged(dataset, draw, 700) if draw.random() < 0.6 else dataset
        other = context if draw.random() < 0.95 else draw.randrange(256)
        pdus += _fragments(other, 0, content, draw)
    return pdus


def command_set(draw: Random) -> bytes:
    """A command set: its elements there, missing, doubled, out of order, of odd length or absurd value."""
    field = draw.choice(_FIELDS if draw.random() < 0.9 else _OTHER_FIELDS)
    sop_class = draw.choice((raw.CT, raw.CT, raw.VERIFICATION)).encode()
    elements: list[Element] = [
        (0x0002, _text(draw, sop_class)),
        (0x0100, struct.pack("<H", field)),
        (0x0110, struct.pack("<H", draw.choice((0, 1, 7, 0xFFFF)))),
        (0x0700, struct.pack("<H", draw.choice((0, 1, 2, 2, 2, 9)))),
        (0x0800, struct.pack("<H", draw.choice((1,) * 16 + (0x0101, 0, 0xFFFF)))),
        (0x1000, _text(draw, b"1.2.3.%d" % draw.randint(1, 4))),
    ]
    if draw.random() < 0.3:
        elements = _spoilt(elements, draw)
    content = b"".join(_HEADER.pack(0, number, len(value)) + value for number, value in elements)
    length = len(content) if draw.random() < 0.9 else draw.choice((0, 1, len(content) + 8, 0xFFFFFFFF))
    return _HEADER.pack(0, 0, 4) + struct.pack("<L", length) + content


def _text(draw: Random, right: bytes) -> bytes:
    value = draw.choice(NASTY_TEXTS) if draw.random() < 0.1 else right
    return value if draw.random() < 0.1 else value + b"\0" * (len(value) % 2)


def _spoilt(elements: list[Element], draw: Random) -> list[Element]:
    elements = list(elements)
    at = draw.randrange(len(elements))
    number, value = elements[at]
    way = draw.randrange(6)
    if way == 0:
        del elements[at]
    elif way == 1:
        elements.append(elements[at])
    elif way == 2:
        draw.shuffle(elements)
    elif way == 3:
        elements[at] = (draw.choice(_ELEMENTS), value)
    elif way == 4:
        elements[at] = (number, damaged(value, draw))
    else:
        elements.append((draw.choice(_ELEMENTS), draw.randbytes(draw.choice((0, 1, 2, 3, 4, 70000)))))
    return elements


def _context(draw: Random) -> int:
    return draw.choice((3, 3, 3, 3, 5, 5, 1)) if draw.random() < 0.97 else draw.randrange(256)


def _fragments(context: int, control: int, content: bytes, draw: Random) -> list[bytes]:
    """Cut in pieces, the last one marked as such, mostly; several values in one PDU now and then."""
    length = max(len(content), 1) if draw.random() < 0.7 else draw.choice((1, 64, 300, 4000))
    length = max(length, len(content) // 50 + 1)
    parts = [content[at : at + length] for at in range(0, len(content), length)] or [b""]
    values = []
    for number, part in enumerate(parts):
        flags = control | (raw.LAST if number == len(parts) - 1 else 0)
        flags = flags if draw.random() < 0.995 else draw.randrange(256)
        claimed = (
            len(part) + 2 if draw.random() < 0.995 else draw.choice((0, 1, 2, len(part) + 3, 0xFFFFFFFF))
        )
        values.append(struct.pack(">LBB", claimed, context, flags) + part)
    if draw.random() < 0.2:
        return [raw.pdu(4, b"".join(values))]
    return [raw.pdu(4, value) for value in values]
