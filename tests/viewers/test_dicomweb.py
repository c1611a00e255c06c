"""What an archive gives back over DICOMweb is what was sent to it by C-STORE."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread

from ctsma_node.report import ReportObject
from tests.unit.report.knee_results import STUDY
from tests.viewers.archive import DicomWebArchive


def test_every_object_comes_back_as_it_was(
    archive: DicomWebArchive, objects: tuple[ReportObject, ...], folder: Path
) -> None:
    back = {str(ds.SOPInstanceUID): ds for ds in archive.retrieve(STUDY)}
    assert set(back) == {o.sop_instance_uid for o in objects}
    for obj in objects:
        sent, received = dcmread(folder / obj.file_name), back[obj.sop_instance_uid]
        assert received == sent, obj.file_name
        assert received.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
