from __future__ import annotations

import numpy as np
import pytest

from ctsma_node.analysis.result import OAClass, Side
from trainer.phantom.scene import Scene, draw_scene


def axial_grid(centre: np.ndarray, size: tuple[int, int, int], spacing: float) -> np.ndarray:
    """Affine of an isotropic axial grid about a centre (LPS mm)."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = centre - spacing * (np.array(size) - 1) / 2.0
    return affine


@pytest.fixture(scope="session")
def right() -> Scene:
    return draw_scene(3, (Side.RIGHT,), OAClass.NORMAL)


@pytest.fixture(scope="session")
def both() -> Scene:
    return draw_scene(4, (Side.RIGHT, Side.LEFT))
