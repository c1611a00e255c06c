from __future__ import annotations

import io

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import Side
from ctsma_node.report import ALL_OBJECTS, NodeIdentity, ReportObject, build_set
from tests.unit.report.knee_results import analysis, source_headers


@pytest.fixture(scope="session")
def node() -> NodeIdentity:
    return NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")


@pytest.fixture(scope="session")
def headers() -> tuple[Dataset, ...]:
    return source_headers(40)


@pytest.fixture(scope="session")
def both_knees(node: NodeIdentity, headers: tuple[Dataset, ...]) -> tuple[ReportObject, ...]:
    """The sets of a left and a right knee of one series, of every kind; not to be changed."""
    return build_set(analysis(Side.LEFT, Side.RIGHT), headers, node=node, objects=ALL_OBJECTS)


@pytest.fixture(scope="session")
def encoded_objects(both_knees: tuple[ReportObject, ...]) -> tuple[bytes, ...]:
    """The Part 10 bytes of each object, as they were before any test looked into one."""
    return tuple(encode(obj) for obj in both_knees)


def encode(obj: ReportObject) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, obj.dataset, enforce_file_format=True)
    return buffer.getvalue()
