"""Transfer syntaxes: which can be decoded, which lost something."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from ctsma_node.uids import LOSSY

NATIVE = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})

DECODABLE = (
    NATIVE
    | LOSSY
    | {JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless}
    | {HTJ2KLossless, HTJ2KLosslessRPCL}
)
"""What pydicom's plugins decode here. Deflated is left out: a small file may inflate without bound."""


def transfer_syntax(ds: Dataset) -> UID:
    """The transfer syntax of a dataset that was read, by its encoding where no meta information names it."""
    meta = getattr(ds, "file_meta", None)
    named = getattr(meta, "TransferSyntaxUID", None)
    if named:
        return UID(str(named).strip(" \0"))
    implicit, little = ds.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little or little is None else ExplicitVRBigEndian
