"""A DICOM node that measures the trabecular bone of knee CTs (research use)."""

__version__ = "0.1.0"
