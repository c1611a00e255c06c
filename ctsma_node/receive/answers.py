"""The answer that a C-STORE nearly always gets, as bytes: Success, and nothing to add (PS3.7 9.3.1.2)."""

from __future__ import annotations

import struct

_C_STORE_RSP, _NO_DATASET, _SUCCESS = 0x8001, 0x0101, 0x0000


def stored(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Return the command set, in Implicit VR Little Endian as every one (PS3.7 6.3.1).

    pynetdicom makes it by way of a dataset, which takes longer than to put an instance onto the disk.
    """
    content = b"".join(
        (
            _uid(0x0002, sop_class_uid),
            _number(0x0100, _C_STORE_RSP),
            _number(0x0120, message_id),
            _number(0x0800, _NO_DATASET),
            _number(0x0900, _SUCCESS),
            _uid(0x1000, sop_instance_uid),
        )
    )
    return struct.pack("<HHLL", 0, 0, 4, len(content)) + content


def _number(element: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHL", 0, element, len(value)) + value
