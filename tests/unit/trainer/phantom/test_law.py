from __future__ import annotations

import numpy as np
import pytest

from trainer.phantom.calibrate import field_block, mean_local_thickness
from trainer.phantom.law import law
from trainer.phantom.texture import covered, fabric, tiles


def test_tiles_are_fields_of_unit_variance() -> None:
    field = tiles()
    assert field.reshape(-1, 2).mean(axis=0, dtype=np.float64) == pytest.approx([0.0, 0.0], abs=1e-3)
    assert field.reshape(-1, 2).std(axis=0, dtype=np.float64) == pytest.approx([1.0, 1.0], abs=1e-3)


def test_fabric_keeps_volume() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    assert np.linalg.det(fabric(rotation)) == pytest.approx(1.0)


def test_thickness_of_oblique_plates() -> None:
    step = 0.05
    index = np.moveaxis(np.mgrid[:70, :70, :70], 0, -1) * step
    distance = np.abs(np.mod(index @ np.array([1, 2, 3]) / 14**0.5, 0.8) - 0.4)
    assert mean_local_thickness(distance < 0.1, step) == pytest.approx(0.2, rel=0.05)
    assert mean_local_thickness(distance >= 0.1, step) == pytest.approx(0.6, rel=0.05)


@pytest.mark.parametrize(
    ("bvtv", "rodness", "wavelength"), [(0.12, 0.9, 1.0), (0.25, 0.5, 1.25), (0.35, 0.8, 1.1)]
)
def test_law_agrees_with_local_thickness_on_the_field(bvtv: float, rodness: float, wavelength: float) -> None:
    table = law()
    step = wavelength / 24
    field = field_block(tiles(), fabric(np.eye(3)), step, 84, float(np.log(wavelength)), rodness, 411.0)
    bone = field < np.quantile(field, bvtv)
    expected = table.parameters(np.array([bvtv]), np.array([wavelength]), np.array([rodness]))[0]
    assert mean_local_thickness(bone, step) == pytest.approx(expected[1], rel=0.10)
    assert mean_local_thickness(~bone, step) == pytest.approx(expected[2], rel=0.10)
    assert expected[3] == pytest.approx(1.0 / (expected[1] + expected[2]))


@pytest.mark.parametrize("width", [0.01, 0.8, 1.6])
def test_threshold_gives_the_bvtv_that_was_asked_for(width: float) -> None:
    table = law()
    w = int(np.argmin(np.abs(table.width - width)))
    field = field_block(tiles(), fabric(np.eye(3)), 0.37, 64, float(np.log(1.1)), 0.5, 5.0).ravel()[::3]
    for bvtv in (0.1, 0.2, 0.4):
        b = int(np.argmin(np.abs(table.bvtv - bvtv)))
        threshold = float(table.threshold[b, 2, w])
        mean = np.mean([covered(float(value), threshold, float(table.width[w])) for value in field])
        assert mean == pytest.approx(table.bvtv[b], rel=0.03)
