"""A plane through a bone is found in any direction; a bone that grows denser towards its end has none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.analysis.planes import directions, plane_contrast, plane_marks
from ctsma_node.analysis.result import Bone
from ctsma_node.analysis.subregions import inward_distance

_K, _J, _I = np.ogrid[:70, :70, :70]
BALL = (_K - 35) ** 2 + (_J - 35) ** 2 + (_I - 35) ** 2 < 30**2
INWARD = inward_distance(BALL)


def bone() -> npt.NDArray[np.float32]:
    """Trabeculae and noise about a density that rises by 6 HU a voxel towards one end."""
    noise = np.random.default_rng(5).normal(0.0, 120.0, BALL.shape)
    return np.asarray(noise + 200.0 + 6.0 * (_J - 35), dtype=np.float32)


def test_directions_are_even_unit_vectors() -> None:
    along = directions(400)
    np.testing.assert_allclose(np.linalg.norm(along, axis=1), 1.0)
    cosines = np.abs(along @ along.T) - np.eye(400)
    assert np.degrees(np.arccos(cosines.max(axis=1))).max() < 10.0


def test_sound_bone_has_no_plane() -> None:
    assert plane_contrast(bone(), INWARD, Bone.FEMUR)[0] < 100.0
    assert plane_marks(bone(), {Bone.FEMUR: INWARD}) == ()


@pytest.mark.parametrize("normal", [(1, 0, 0), (0, 1, 0), (1, 1, 1), (0.2, -0.5, 0.84)])
@pytest.mark.parametrize("change", [-300.0, 300.0])
def test_a_plane_is_found_in_any_direction(normal: tuple[float, float, float], change: float) -> None:
    n = np.array(normal) / np.linalg.norm(normal)
    at = (_K - 35) * n[0] + (_J - 35) * n[1] + (_I - 35) * n[2]
    hu = bone() + np.float32(change) * (np.abs(at - 3.0) < 1.5)
    (mark,) = plane_marks(hu, {Bone.FEMUR: INWARD})
    assert mark.code == "plane_through_bone"
    assert "femur" in mark.text


def test_too_little_bone_is_not_asked() -> None:
    small = inward_distance((_K - 35) ** 2 + (_J - 35) ** 2 + (_I - 35) ** 2 < 8**2)
    assert plane_contrast(bone(), small, Bone.TIBIA) == (0.0, 0.0)
