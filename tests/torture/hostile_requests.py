"""A-ASSOCIATE-RQ PDUs whose items are missing, repeated, out of order, too long or lie (PS3.8 9.3.2)."""

from __future__ import annotations

import struct
from random import Random

from tests.fixtures import raw_peer as raw
from tests.torture.damage import NASTY_TEXTS, damaged

Item = tuple[int, bytes]
_USER_ITEMS = (0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59)
_KINDS = (0x00, 0x10, 0x20, 0x21, 0x30, 0x40, 0x50, *_USER_ITEMS, 0xFF)
_EIGHT = struct.Struct(">BxH")


def hostile_request(draw: Random) -> bytes:
    """One request, wrong in its bytes, in its items or in what an item says."""
    if draw.random() < 0.4:
        return damaged(raw.associate_rq(), draw)
    return _request(draw)


def _request(draw: Random) -> bytes:
    called, calling = (_title(draw, "CTSMA"), _title(draw, "SOURCE"))
    version = draw.choice((1, 1, 1, 0, 2, 0xFFFF))
    fixed = struct.pack(">H2x16s16s32x", version, called, calling)
    items = [(0x10, b"1.2.840.10008.3.1.1.1"), *_contexts(draw), (0x50, _user(draw))]
    content = fixed + _joined(_spoilt(items, draw), draw)
    return raw.pdu(1, content, _length(len(content), draw))


def _title(draw: Random, right: str) -> bytes:
    return draw.choice(NASTY_TEXTS)[:16] if draw.random() < 0.1 else right.ljust(16).encode()


def _contexts(draw: Random) -> list[Item]:
    """Presentation contexts: IDs even, doubled or more than there can be; no syntax, or a hundred."""
    count = draw.choice((0, 1, 1, 2, 3, 4, 128, 129, 300))
    contexts = []
    for number in range(count):
        at = (2 * number + 1) & 0xFF if draw.random() < 0.9 else draw.randrange(256)
        names = [(0x30, _uid(draw, (raw.CT, raw.VERIFICATION)))]
        names += [(0x40, _uid(draw, (raw.IMPLICIT, raw.EXPLICIT)))] * draw.choice((0, 1, 1, 1, 2, 100))
        kinds = names if draw.random() < 0.8 else _spoilt(names, draw)
        contexts.append((0x20, struct.pack(">Bxxx", at) + _joined(kinds, draw)))
    return contexts


def _user(draw: Random) -> bytes:
    """User information: the sub-items of PS3.7 annex D.3.3, right ones and others."""
    items = [(0x51, struct.pack(">L", draw.choice((16384, 0, 1, 7, 0xFFFFFFFF)))), (0x52, b"1.2.3.4")]
    for _ in range(draw.choice((0, 0, 1, 2, 5))):
        items.append((draw.choice(_USER_ITEMS), draw.choice(_SUB_ITEMS)))
    return _joined(_spoilt(items, draw) if draw.random() < 0.3 else items, draw)


def _uid(draw: Random, right: tuple[str, ...]) -> bytes:
    return draw.choice(NASTY_TEXTS) if draw.random() < 0.1 else draw.choice(right).encode()


def _spoilt(items: list[Item], draw: Random) -> list[Item]:
    """Items lost, doubled, in another order, of another kind, or damaged."""
    if not items or draw.random() < 0.2:
        return items
    items = list(items)
    at = draw.randrange(len(items))
    way = draw.randrange(5)
    if way == 0:
        del items[at]
    elif way == 1:
        items.insert(draw.randrange(len(items)), items[at])
    elif way == 2:
        draw.shuffle(items)
    elif way == 3:
        items[at] = (draw.choice(_KINDS), items[at][1])
    else:
        items[at] = (items[at][0], damaged(items[at][1], draw))
    return items


def _joined(items: list[Item], draw: Random) -> bytes:
    return b"".join(
        _EIGHT.pack(kind, (_length(len(content), draw) or len(content)) & 0xFFFF) + content
        for kind, content in items
    )


def _length(right: int, draw: Random) -> int | None:
    """Mostly None, for the right length."""
    if draw.random() < 0.97:
        return None
    return draw.choice((0, 1, right + 1, max(right - 1, 0), 0x7FFF, 0xFFFF, right * 2))


def _sub_item(text: bytes, more: bytes = b"") -> bytes:
    return struct.pack(">H", len(text)) + text + more


_SUB_ITEMS = (
    struct.pack(">HH", 0, 0),  # asynchronous operations window
    struct.pack(">HH", 0xFFFF, 0xFFFF),
    _sub_item(raw.CT.encode(), b"\1\1"),  # role selection
    _sub_item(raw.CT.encode(), b"\0\0"),
    _sub_item(b"", b"\1\1"),
    _sub_item(raw.CT.encode(), b"\0" * 6),  # SOP class extended negotiation
    _sub_item(raw.CT.encode(), _sub_item(b"1.2.3") + _sub_item(b"")),  # common extended negotiation
    b"\1\1" + _sub_item(b"name") + _sub_item(b""),  # user identity
    b"\2\0" + _sub_item(b"name") + _sub_item(b"\xff" * 2000),
    b"\x09\x09",
    b"",
    b"\xff" * 300,
)
