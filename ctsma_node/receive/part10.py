"""The head of a Part 10 file (PS3.10 7.1), written around a dataset whose bytes stay as they came."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pydicom.filereader import read_file_meta_info
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID

_PREFIX = b"\0" * 128 + b"DICM"
_GROUP_LENGTH = struct.Struct("<HH2sHI")


@dataclass(frozen=True, slots=True)
class Head:
    """What the file meta information of a file of ours says."""

    transfer_syntax: str
    sending_ae: str
    dataset_offset: int  # bytes from the start of the file


def preamble_and_meta(
    sop_class_uid: str | None,
    sop_instance_uid: str | None,
    transfer_syntax: str,
    sending_ae: str,
    receiving_ae: str,
) -> bytes:
    """Return preamble, prefix and file meta information; a UID that is None is left out (quarantine).

    The AE titles go into (0002,0017) and (0002,0018): a file that is adopted after a crash tells its source.
    """
    elements = [_element(0x0001, b"OB", b"\0\1")]
    for number, value in ((0x0002, sop_class_uid), (0x0003, sop_instance_uid)):
        if value is not None:
            elements.append(_element(number, b"UI", value.encode("ascii")))
    elements += [
        _element(0x0010, b"UI", transfer_syntax.encode("ascii")),
        _element(0x0012, b"UI", PYNETDICOM_IMPLEMENTATION_UID.encode("ascii")),
        _element(0x0017, b"AE", sending_ae.encode("ascii", "replace")),
        _element(0x0018, b"AE", receiving_ae.encode("ascii", "replace")),
    ]
    content = b"".join(elements)
    return _PREFIX + _GROUP_LENGTH.pack(2, 0, b"UL", 4, len(content)) + content


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    """An element of group 2, Explicit VR Little Endian (PS3.5 7.1.2), its value padded to even length."""
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    if vr == b"OB":
        return struct.pack("<HH2sxxL", 2, number, vr, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value


def read_head(path: Path) -> Head:
    """Read back what `preamble_and_meta` wrote; raises ValueError when it is not such a file."""
    with path.open("rb") as file:
        start = file.read(len(_PREFIX) + _GROUP_LENGTH.size)
    if len(start) < len(_PREFIX) + _GROUP_LENGTH.size or start[128:132] != b"DICM":
        raise ValueError("not a Part 10 file")
    *_, length = _GROUP_LENGTH.unpack(start[len(_PREFIX) :])
    try:
        meta = read_file_meta_info(path)
        syntax, sender = str(meta.TransferSyntaxUID), str(meta.get("SendingApplicationEntityTitle", ""))
    except Exception:
        raise ValueError("not readable file meta information") from None
    return Head(syntax, sender, len(start) + length)
