"""What the acceptance tests share: a synthetic knee on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctsma_node.analysis.result import Side
from tests.fixtures.knee_series import write_knee


@pytest.fixture(scope="session")
def knee_series(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of a left knee, which the analysis mirrors."""
    return write_knee(tmp_path_factory.mktemp("knee"), 970_002, Side.LEFT)
