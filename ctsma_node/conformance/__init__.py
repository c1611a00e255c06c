"""The DICOM conformance statement (PS3.2 annex N), written from the code's own tables and the settings."""

from ctsma_node.conformance.statement import statement

__all__ = ["statement"]
