"""Solids that are known on paper, turned at random, on isotropic and anisotropic voxels."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.morphometry.analytic import METHODS, Case, cases
from trainer.morphometry.direct import direct
from trainer.morphometry.distance import Voxel
from trainer.morphometry.local_thickness import thickness_map

PIXELS = (4,)


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str, str, int], Case]:
    chosen = {name: METHODS[name] for name in ("direct", "plate")}
    return {(c.method, c.solid, c.voxel, c.pixels): c for c in cases(chosen, PIXELS, angles=2)}


@pytest.mark.parametrize(
    ("solid", "voxel", "within"),
    [
        ("plates", "1:1:1", 10.0),
        ("plates", "2:1:1", 15.0),
        ("rods", "1:1:1", 18.0),
        ("rods", "2:1:1", 21.0),
        ("spheres", "1:1:1", 30.0),
    ],
)
def test_direct_thickness(
    found: dict[tuple[str, str, str, int], Case], solid: str, voxel: str, within: float
) -> None:
    error = found["direct", solid, voxel, 4].thickness
    assert error is not None
    assert abs(error) < within


@pytest.mark.parametrize("voxel", ["1:1:1", "2:1:1"])
def test_direct_separation_and_number_of_plates(
    found: dict[tuple[str, str, str, int], Case], voxel: str
) -> None:
    case = found["direct", "plates", voxel, 4]
    assert case.separation is not None
    assert case.number is not None
    assert abs(case.separation) < 12.0
    assert abs(case.number) < 12.0


@pytest.mark.parametrize("solid", ["plates", "rods", "spheres"])
@pytest.mark.parametrize("voxel", ["1:1:1", "2:1:1"])
def test_plate_model_has_its_own_truth(
    found: dict[tuple[str, str, str, int], Case], solid: str, voxel: str
) -> None:
    case = found["plate", solid, voxel, 4]
    assert case.thickness is not None
    assert abs(case.thickness) < 11.0
    assert abs(case.bvtv) < 7.0


def test_even_and_odd_plates_measure_alike() -> None:
    for thickness in (4, 5):
        bone = np.zeros((24, 24, 24), dtype=np.bool_)
        bone[:, :, 8 : 8 + thickness] = True
        assert thickness_map(bone, (0.1, 0.1, 0.1))[bone] == pytest.approx(0.1 * (thickness + 0.16), abs=1e-4)


@pytest.mark.parametrize("voxel", [(1.0, 1.0, 1.0), (1.5, 0.25, 0.25)])
def test_units_are_millimetres(voxel: Voxel) -> None:
    bone = np.random.default_rng(0).random((8, 30, 30)) < 0.4
    once = direct(bone, voxel)
    twice = direct(bone, (2 * voxel[0], 2 * voxel[1], 2 * voxel[2]))
    assert twice.thickness == pytest.approx(2 * once.thickness, rel=1e-5)
    assert twice.separation == pytest.approx(2 * once.separation, rel=1e-5)
    assert twice.number == pytest.approx(once.number / 2, rel=1e-5)


def test_a_region_measures_part_while_spheres_reach_out() -> None:
    bone = np.zeros((20, 20, 40), dtype=np.bool_)
    bone[:, :, 4:10] = True
    bone[:, :, 24:27] = True
    region = np.zeros_like(bone)
    region[:, :, 7:15] = True  # half of the thick plate alone
    found = direct(bone, (0.1, 0.1, 0.1), region)
    assert found.thickness == pytest.approx(0.616, abs=0.01)
    assert found.separation == pytest.approx(1.416, abs=0.01)
    assert found.bvtv == pytest.approx(3 / 8)


def test_without_bone_there_is_no_thickness() -> None:
    found = direct(np.zeros((5, 5, 5), dtype=np.bool_), (1.0, 1.0, 1.0))
    assert found.bvtv == 0.0
    assert np.isnan(found.thickness)
    assert np.isnan(found.number)
