"""Anisotropy, connectivity, structure model index, skeletons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.measure import euler_number

from trainer.morphometry.distance import Mask, Voxel
from trainer.morphometry.fabric import degree_of_anisotropy, fabric_tensor
from trainer.morphometry.resolved import resolved
from trainer.morphometry.skeleton import skeleton, srrd
from trainer.morphometry.solids import SOLIDS, voxelised
from trainer.morphometry.structure_model import structure_model_index
from trainer.morphometry.surface import lattice_lines, surface_density
from trainer.morphometry.topology import connectivity_density, euler_density

ONE: Voxel = (1.0, 1.0, 1.0)


def turned(name: str, voxel: Voxel = ONE) -> Mask:
    solid = next(one for one in SOLIDS if one.name == name)
    turn = Rotation.random(random_state=4).as_matrix()
    k, j, i = (round(60 / side) for side in voxel)
    return voxelised(solid, 6.0, voxel, (k, j, i), turn, np.array([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("voxel", [ONE, (2.0, 1.0, 1.0), (3.0, 1.0, 1.5)])
def test_weights_share_out_all_directions(voxel: Voxel) -> None:
    lines = lattice_lines(voxel)
    assert lines.weight.sum() == pytest.approx(1.0)
    mean = np.einsum("n,na,nb->ab", lines.weight, lines.axis, lines.axis)
    assert np.allclose(mean, np.eye(3) / 3, atol=0.06)  # spread as evenly as the lattice allows


@pytest.mark.parametrize("voxel", [ONE, (2.0, 1.0, 1.0)])
def test_surface_of_a_ball(voxel: Voxel) -> None:
    axes = [(np.arange(round(48 / side)) - 24 / side) * side for side in voxel]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    ball = (k + 0.3) ** 2 + (j - 0.2) ** 2 + i**2 < 18.0**2
    assert surface_density(ball, voxel) * 48**3 == pytest.approx(4 * np.pi * 18.0**2, rel=0.06)


def test_structure_model_index_tells_plates_rods_and_spheres() -> None:
    for name, index in (("plates", 0.0), ("rods", 3.0), ("spheres", 4.0)):
        assert structure_model_index(turned(name), ONE) == pytest.approx(index, abs=0.35)


@pytest.mark.parametrize(("voxel", "isotropic"), [(ONE, 0.06), ((2.0, 1.0, 1.0), 0.25)])
def test_anisotropy(voxel: Voxel, isotropic: float) -> None:
    assert degree_of_anisotropy(turned("plates", voxel), voxel) > 0.95
    assert degree_of_anisotropy(turned("rods", voxel), voxel) > 0.9
    assert degree_of_anisotropy(turned("spheres", voxel), voxel) < isotropic


def test_structure_model_index_refuses_voxels_that_are_no_cubes() -> None:
    with pytest.raises(ValueError, match="cubic"):
        structure_model_index(turned("rods"), (2.0, 1.0, 1.0))


def test_the_fabric_of_rods_points_along_them() -> None:
    bone = turned("rods")
    along = Rotation.random(random_state=4).as_matrix()[2]  # (k, j, i) direction that is the solid's third
    values, vectors = np.linalg.eigh(fabric_tensor(bone, ONE))
    assert abs(vectors[:, values.argmin()] @ along) > 0.98


def test_euler_characteristic_is_that_of_scikit_image() -> None:
    bone = np.zeros((16, 16, 16), dtype=np.bool_)
    bone[2:-2, 2:-2, 2:-2] = np.random.default_rng(0).random((12, 12, 12)) < 0.3
    assert euler_density(bone, ONE) * 15**3 == pytest.approx(euler_number(bone, connectivity=3))


def test_connectivity_counts_loops() -> None:
    ring = np.zeros((5, 9, 9), dtype=np.bool_)
    ring[2, 2:7, 2:7] = True
    ring[2, 4, 4] = False
    assert connectivity_density(ring, ONE) * 4 * 8 * 8 == pytest.approx(0.0)  # one piece, one loop
    two = np.concatenate([ring, ring], axis=1)
    two[2, 6:12, 4] = True
    assert connectivity_density(two, ONE) * 4 * 17 * 8 == pytest.approx(1.0)  # one piece, two loops


def test_connectivity_does_not_depend_on_how_space_is_cut() -> None:
    bone = np.random.default_rng(3).random((40, 40, 40)) < 0.3
    half = np.zeros_like(bone)
    half[:20] = True
    assert euler_density(bone, ONE, half) == pytest.approx(euler_density(bone, ONE), rel=0.1)


def test_skeleton_widths_are_diameters_in_millimetres() -> None:
    bone = np.zeros((3, 60, 60), dtype=np.bool_)
    for start in range(4, 60, 16):
        bone[:, :, start : start + 5] = True
    middle = np.zeros_like(bone)
    middle[:, 20:40, 9:52] = True
    found = skeleton(bone, (1.5, 0.2, 0.2), middle)
    assert found.thickness == pytest.approx(1.0, rel=0.15)
    assert found.separation == pytest.approx(2.2, rel=0.15)
    assert found.bvtv == pytest.approx(bone[middle].mean())


def test_the_released_formula_keeps_its_faults() -> None:
    signal = 1000.0 * np.ones((2, 60, 60), dtype=np.float32)
    for start in range(4, 60, 12):
        signal[:, :, start : start + 4] = 100.0
    found = srrd(signal, (1.5, 0.1, 0.1))
    share = found.thickness / (found.thickness + found.separation)
    assert found.bvtv == pytest.approx(share)  # no volume fraction
    assert found.bvtv < 0.5 < float((signal > 500).mean())  # bright is called bone, and still comes out small


def test_all_of_a_resolved_structure_in_one_record() -> None:
    found = resolved(turned("rods"), (0.05, 0.05, 0.05))
    assert found.thickness == pytest.approx(0.3, rel=0.15)
    assert found.anisotropy is not None
    assert found.anisotropy > 0.9
    assert found.structure_model_index == pytest.approx(3.0, abs=0.4)
    assert found.connectivity == pytest.approx(0.0, abs=1.0)
    assert found.names == ("BV/TV", "Tb.Th", "Tb.Sp", "Tb.N")
