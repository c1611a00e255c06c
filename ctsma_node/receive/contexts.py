"""What the node accepts: SOP classes and transfer syntaxes (PS3.4 annexes A and B, PS3.5 section 10)."""

from __future__ import annotations

from pydicom import uid
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

STORAGE_CLASSES: tuple[uid.UID, ...] = (
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
)

NATIVE: tuple[uid.UID, ...] = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
"""Pixels as they are, with a defined length."""

ENCAPSULATED: tuple[uid.UID, ...] = (
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
)
"""Every compressed syntax that the project's decoders read. No deflate: 64 kB of it can hold gigabytes."""


def supported_contexts() -> list[PresentationContext]:
    """Return the presentation contexts that the node accepts as an SCP."""
    storage = [build_context(sop_class, [*NATIVE, *ENCAPSULATED]) for sop_class in STORAGE_CLASSES]
    return [*storage, *verification_contexts()]


def verification_contexts() -> list[PresentationContext]:
    """Return the presentation context for C-ECHO."""
    return [build_context(Verification, [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])]
