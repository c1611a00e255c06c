"""Results of odd headers, judged by dicom3tools: valid objects, of one patient and study with the source."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag

from ctsma_node.analysis.result import Side
from ctsma_node.assemble import read_series
from ctsma_node.report import NodeIdentity, build_set, secondary_capture, write_object
from tests.unit.report.knee_results import analysis
from tests.unit.report.odd_headers import OddHeader, written
from tests.unit.report.test_source_table import TABLE

RequireTool = Callable[[str], Path]
NODE = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")
ANSWERED = [case for case in TABLE if not {"assemble", "report"} & set(case.refused)]
pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom warns while the cases are written


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.name)
def test_dicom3tools_agrees(
    case: OddHeader, require_tool: RequireTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secondary_capture, "render_knee", lambda *_: np.zeros((8, 8, 3), np.uint8))
    sources = written(case, tmp_path)
    headers = read_series(sources).headers
    (picture,) = build_set(analysis(Side.LEFT), headers, node=NODE, objects=frozenset({"picture"}))
    path = tmp_path / picture.file_name
    write_object(picture, path)
    errors = [line for line in said(require_tool("dciodvfy"), path) if line.startswith("Error")]
    assert [line for line in errors if not any(known in line for known in _known(case))] == []
    if (
        case.conforms and "IR 87" not in case.name
    ):  # which glibc's iconv, and so Debian's DCMTK, does not have
        in_utf_8 = [transcribed(require_tool("dcmconv"), source) for source in sources]
        differences = said(require_tool("dcentvfy"), *in_utf_8, path)
        # It files AccessionNumber under Series in a Secondary Capture, in whomever's.
        assert [line for line in differences if "AccessionNumber" not in line] == []


def _known(case: OddHeader) -> list[str]:
    """What dciodvfy's errors name where an identifier is kept although it breaks a rule.

    It also counts the bytes of a text, where PS3.5 6.2 counts letters.
    """
    longest = {
        keyword for keyword, said in case.said.items() if said and len(said) <= 64 < len(said.encode())
    }
    tags = [BaseTag(tag_for_keyword(keyword) or 0) for keyword in case.kept | longest]
    named = [f"(0x{tag.group:04x},0x{tag.element:04x})" for tag in tags]
    named += [f"Element=<{keyword}>" for keyword in case.kept]
    return [*named, "invalid data values for Value Representations"] if named else []


def transcribed(dcmconv: Path, source: Path) -> Path:
    """The file with DCMTK's idea of its letters; dcentvfy compares bytes."""
    converted = source.with_suffix(".utf8")
    subprocess.run([dcmconv, "--convert-to-utf8", source, converted], check=True, timeout=60)
    return converted


def said(program: Path, *files: Path) -> list[str]:
    done = subprocess.run(
        [program, *files], capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    return (done.stdout + done.stderr).splitlines()
