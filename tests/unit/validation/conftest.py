from __future__ import annotations

import pytest

from ctsma_node.report import ALL_OBJECTS, NodeIdentity, build_set
from tests.unit.report.knee_results import source_headers
from tests.unit.validation.planted import Written, few_subregions


@pytest.fixture(scope="session")
def node() -> NodeIdentity:
    return NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1", "Klinikum Süd")


@pytest.fixture(scope="session")
def left(node: NodeIdentity, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The written set of `few_subregions` with objects of every kind; not to be changed."""
    folder = tmp_path_factory.mktemp("left")
    headers = source_headers(40)
    return Written.of(build_set(few_subregions(), headers, node=node, objects=ALL_OBJECTS), folder, headers)
