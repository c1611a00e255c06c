from __future__ import annotations

import pytest

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.scene import Scene, draw_scene


@pytest.fixture(scope="session")
def right() -> Scene:
    return draw_scene(3, (Side.RIGHT,), OAClass.NORMAL)


@pytest.fixture(scope="session")
def both() -> Scene:
    return draw_scene(4, (Side.RIGHT, Side.LEFT))
