"""One file to an Instance, or to the finding why it is none. Of pixels the length alone is looked at."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from ctsma_node.assemble.attributes import items, text, texts
from ctsma_node.assemble.frames import frames_of
from trainer.cohort.findings import Finding, found
from trainer.cohort.header import header_of
from trainer.cohort.instance import Instance
from trainer.cohort.pixels import PIXEL_DATA, judge_pixels

_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")


def read_instance(root: Path, relative: str) -> Instance | Finding:
    """Read one file's header. Never raises: whatever is wrong with the file is a finding."""
    path = root / relative
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values of the header
            code = _why_no_dicom(file) or _why_not_parsed(path)
            return found(code, relative) if code else _read(file, path, relative)
    except PermissionError:
        return found("no_permission", relative)
    except Exception:  # damaged bytes raise nearly anything, RecursionError included
        return found("unreadable", relative)


def _why_no_dicom(file: BinaryIO) -> str:
    """The code of a file that no parser should be tried on; leaves the file at its start."""
    start = file.read(132)
    file.seek(0)
    if not start:
        return "empty_file"
    if start[128:] == b"DICM":
        return ""
    # Before DICOM had a file format (PS3.10), datasets were written bare, from group 0008 on.
    return "" if start[:2] in _FIRST_GROUPS and len(start) == 132 else "not_dicom"


def _why_not_parsed(path: Path) -> str:
    """Meta information alone: nothing is inflated."""
    try:
        meta: Dataset = read_file_meta_info(path)
    except (InvalidDicomError, EOFError):
        return ""
    return "deflated" if text(meta, "TransferSyntaxUID") == DeflatedExplicitVRLittleEndian else ""


def _read(file: BinaryIO, path: Path, relative: str) -> Instance | Finding:
    lengths: list[int] = []

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag == PIXEL_DATA:
            lengths.append(length)
        return bool(tag >= PIXEL_DATA)

    ds = read_partial(file, stop_when=at_pixels, force=True)
    cut = not lengths and file.tell() >= os.fstat(file.fileno()).st_size
    if _is_directory(ds):
        return _directory(file, path, relative)
    if not all(text(ds, keyword) for keyword in _IDENTITY):
        return found("unreadable" if cut else "no_identity", relative)
    if "Rows" not in ds:
        image = cut and text(ds, "Modality").upper() in ("CT", "MR")
        return found("unreadable" if image else "no_image", relative)
    pixels = judge_pixels(file, ds, lengths[0]) if lengths else "missing_pixels"
    return Instance(relative, text(ds, "SOPInstanceUID"), header_of(ds), frames_of(ds, path), pixels)


def _is_directory(ds: Dataset) -> bool:
    meta = getattr(ds, "file_meta", Dataset())
    return text(meta, "MediaStorageSOPClassUID") == MediaStorageDirectoryStorage


def _directory(file: BinaryIO, path: Path, relative: str) -> Finding:
    """A DICOMDIR, which only tells whether the medium was copied whole (PS3.3 F.3)."""
    file.seek(0)
    ds = read_partial(file)
    listed = [texts(record, "ReferencedFileID") for record in items(ds, "DirectoryRecordSequence")]
    missing = sum(not path.parent.joinpath(*parts).exists() for parts in listed if parts)
    if missing:
        return found("dicomdir_lists_missing", relative, left_out=False, count=missing)
    return found("dicomdir", relative, left_out=False)
