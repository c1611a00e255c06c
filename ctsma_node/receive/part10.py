"""The head of a Part 10 file (PS3.10 7.1), written around a dataset whose bytes stay as they came."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
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
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    if sop_class_uid is not None:
        meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    if sop_instance_uid is not None:
        meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = PYNETDICOM_IMPLEMENTATION_UID
    meta.SendingApplicationEntityTitle = sending_ae
    meta.ReceivingApplicationEntityTitle = receiving_ae
    meta.FileMetaInformationGroupLength = 0  # computed on writing
    stream = DicomBytesIO(b"")
    write_file_meta_info(stream, meta, enforce_standard=False)
    return _PREFIX + stream.getvalue()


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
