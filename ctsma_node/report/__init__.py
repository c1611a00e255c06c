"""From an analysis to the DICOM objects that carry it back: images, segments, maps, reports, a picture."""

from ctsma_node.report.file import write_object
from ctsma_node.report.identity import NodeIdentity, ObjectReference, ReportObject
from ctsma_node.report.set import ALL_OBJECTS, DEFAULT_OBJECTS, build_note, build_set, with_references

__all__ = [
    "ALL_OBJECTS",
    "DEFAULT_OBJECTS",
    "NodeIdentity",
    "ObjectReference",
    "ReportObject",
    "build_note",
    "build_set",
    "with_references",
    "write_object",
]
