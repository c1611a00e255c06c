"""A Part 10 file (PS3.10 7) read from its bytes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.uid import (
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from ctsma_node.validation.attributes import Attributes
from ctsma_node.validation.elements import Reader, StructureError
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.pointing import Reference, references

PREAMBLE = 128
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_MAGIC = b"DICM"
_MOST_INFLATED = 1 << 30


@dataclass(frozen=True, eq=False)
class Instance:
    """What a file holds: its meta information and its dataset."""

    name: str
    meta: Attributes
    ds: Attributes
    reader: Reader

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID of the dataset."""
        return self.ds.text("SOPClassUID")

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID of the dataset."""
        return self.ds.text("SOPInstanceUID")

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer Syntax UID of the file."""
        return self.meta.text("TransferSyntaxUID")

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """The instances that this one refers to."""
        return tuple(references(self.ds, self.reader.references))

    def forget_pixels(self) -> None:
        """Let go of the pixel data, by far the most of an image."""
        for tag in _PIXELS & self.ds.elements.keys():
            self.ds.elements[tag] = self.ds.elements[tag]._replace(value=b"")

    def finding(self, code: str, path: str, clause: str, sentence: str) -> Finding:
        """A finding about this instance."""
        return Finding(self.name, code, path, clause, sentence)


def read_instance(path: Path, name: str, reader: Reader) -> Instance | Finding:
    """The instance in a file, or why its bytes cannot be read as one; raises OSError."""
    return parse(name, path.read_bytes(), reader)


def parse(name: str, content: bytes, reader: Reader) -> Instance | Finding:
    """The instance in the bytes of a file, or why they cannot be read as one."""
    if content[PREAMBLE : PREAMBLE + 4] != _MAGIC:
        return Finding(
            name, "not_part10", "", "PS3.10 7.1", "There is no DICM after a preamble of 128 bytes."
        )
    try:
        meta, begin = _file_meta(content, reader)
        return Instance(name, meta, _dataset(content[begin:], meta.text("TransferSyntaxUID"), reader), reader)
    except StructureError as error:
        return Finding(name, "structure", "", "PS3.5 7.1", str(error))


def _file_meta(content: bytes, reader: Reader) -> tuple[Attributes, int]:
    """The File Meta Information and where it ends, by the group length it begins with."""
    begin = PREAMBLE + len(_MAGIC)
    if content[begin : begin + 8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise StructureError("File meta information does not begin with its group length (0002,0000).")
    end = begin + 12 + int.from_bytes(content[begin + 8 : begin + 12], "little")
    if end > len(content):
        raise StructureError("File meta information is longer than the file.")
    return reader.dataset(content[begin:end]), end


def _dataset(encoded: bytes, transfer_syntax: str, reader: Reader) -> Attributes:
    if transfer_syntax == ExplicitVRBigEndian:
        raise StructureError("Big endian is retired (PS3.5 A.3): convert the file, as dcmconv does.")
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        encoded = _inflated(encoded)
    elif transfer_syntax not in AllTransferSyntaxes:
        raise StructureError("The transfer syntax (0002,0010) is none that the standard knows.")
    return reader.dataset(encoded, implicit=transfer_syntax == ImplicitVRLittleEndian)


def _inflated(encoded: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(encoded, _MOST_INFLATED)
    except zlib.error as error:
        raise StructureError("The deflated dataset cannot be inflated (PS3.5 A.5).") from error
    if not inflater.eof:
        raise StructureError("The deflated dataset is cut short, or larger than 1 GiB.")
    return inflated
