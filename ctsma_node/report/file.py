"""Part 10 files of a report's objects."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmwrite

from ctsma_node.report.identity import ReportObject


def write_object(obj: ReportObject, path: Path) -> None:
    """Write a Part 10 file in explicit VR little endian; the same object gives the same bytes.

    Raises:
        FileExistsError: there is a file already.
        OSError: the file could not be written.
    """
    dcmwrite(path, obj.dataset, enforce_file_format=True, overwrite=False)
