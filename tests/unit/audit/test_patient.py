"""The Patient ID of a message, whatever stands in the header."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom import dcmwrite

from ctsma_node.audit import patient_id
from tests.unit.report.odd_headers import OddHeader, raw, series


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"P-17", "P-17"),
        (b"P-17\x07", "P-17"),
        (b"P-17\0\x01old", "P-17"),
        (b"P\x1b$B", "P$B"),
        (b"P1 \\P2", "P1\\P2"),
        (b"M\xfcller", "Müller"),
        (b"", None),
        (None, None),
    ],
)
@pytest.mark.filterwarnings("ignore")  # pydicom's, about such values
def test_it_can_stand_in_a_message(tmp_path: Path, written: bytes | None, said: str | None) -> None:
    path = tmp_path / "slice.dcm"
    dcmwrite(path, next(series(OddHeader("", raw(PatientID=written)))), enforce_file_format=True)
    found = patient_id(path)
    assert found == said
    assert ET.fromstring(ET.tostring(ET.Element("object", {"id": found or ""}))).get("id") == (said or "")
