"""What a site may send to support about one case: no pixels, and nothing that tells who the patient is."""

from ctsma_node.export.case_file import write_case_file

__all__ = ["write_case_file"]
