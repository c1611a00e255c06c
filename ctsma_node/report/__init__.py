"""From an analysis to the DICOM objects that carry it back: images, segments, maps, reports, a picture."""

from ctsma_node.report.file import write_object
from ctsma_node.report.identity import NodeIdentity, ObjectReference, ReportObject
from ctsma_node.report.set import DEFAULT_OBJECTS, build_set

__all__ = [
    "DEFAULT_OBJECTS",
    "NodeIdentity",
    "ObjectReference",
    "ReportObject",
    "build_set",
    "write_object",
]
