"""What is asked of UIDs by more than one step: whether others can refer to them, what a syntax loses."""

from __future__ import annotations

import re

from pydicom.uid import HTJ2K, JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K})
"""Syntaxes that may have lost something; whether one instance did, the codestream alone would tell."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)


def is_uid(text: str | None) -> bool:
    """Say whether a text is a UID of at most 64 characters: digits and single dots alone (PS3.5 9.1).

    Leading zeros in a component are let be: real equipment writes them, and the archive knows them.
    """
    return text is not None and len(text) <= 64 and _UID.fullmatch(text) is not None


def is_lossy(said: str, syntax: str) -> bool:
    """Whether something of an image was lost, by its Lossy Image Compression or its transfer syntax."""
    return said in ("01", "1") or syntax in LOSSY
