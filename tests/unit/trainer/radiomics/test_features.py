from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.radiomics import matrices
from trainer.radiomics.features import DISTANCES, features, patch_features
from trainer.radiomics.grey_levels import Discretisation

# The IBSI's digital phantom (reference manual, 4.1; CC BY 4.0), slice by slice; N lies outside the region.
SLICES = (
    "14411 14611 41641 44641",
    "14411 11611 N1311 44611",
    "144NN 11111 11N11 11611",
    "144NN 11111 11111 11611",
)
PHANTOM = np.array([[[np.nan if v == "N" else float(v) for v in row] for row in s.split()] for s in SLICES])
AS_IT_IS = Discretisation(width=1.0, lowest=1.0, highest=6.0)
MIRP = json.loads((Path(__file__).parent / "mirp.json").read_text())


def phantom() -> dict[str, float]:
    inside = np.isfinite(PHANTOM)
    return patch_features(np.where(inside, PHANTOM, 2.0), inside, AS_IT_IS)


def patch() -> tuple[Any, Any]:
    k, j, i = np.indices((12, 12, 12))
    first = (7 * k * k + 13 * j * i + 5 * i * i + 3 * k * j) % 41
    second = 9 * ((k - 5) ** 2 + (j - 6) * (i - 4)) % 97
    hu = (150 + 11 * first + second).astype(np.float32)
    return hu, (k - 6) ** 2 + (j - 5) ** 2 + (i - 8) ** 2 < 58


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", 2.15),
        ("var", 3.05),
        ("skew", 1.08),
        ("kurt", -0.355),
        ("median", 1),
        ("min", 1),
        ("p10", 1),
        ("p90", 4),
        ("max", 6),
        ("iqr", 3),
        ("range", 5),
        ("mad", 1.55),
        ("rmad", 1.11),
        ("medad", 1.15),
        ("energy", 567),
        ("rms", 2.77),
    ],
)
def test_the_manuals_values_of_its_digital_phantom(name: str, value: float) -> None:
    assert float(f"{phantom()[f'stat_{name}']:.3g}") == value


def test_texture_of_the_digital_phantom_is_mirps() -> None:
    found = phantom()
    assert len(MIRP["phantom"]) == 77
    assert {name: found[name] for name in MIRP["phantom"]} == pytest.approx(MIRP["phantom"], rel=1e-6)


def test_features_of_a_patch_are_mirps() -> None:
    found = patch_features(*patch(), Discretisation())
    assert set(found) - set(MIRP["patch"]) == {"voxels"}
    assert {name: found[name] for name in MIRP["patch"]} == pytest.approx(MIRP["patch"], rel=1e-6)


def test_what_lies_outside_the_mask_does_not_count() -> None:
    hu, inside = patch()
    other = np.where(inside, hu, 1234.0).astype(np.float32)
    assert patch_features(other, inside, Discretisation()) == patch_features(hu, inside, Discretisation())
    changed = hu.copy()
    changed[6, 5, 8] += 300.0
    assert patch_features(changed, inside, Discretisation()) != patch_features(hu, inside, Discretisation())


def test_turning_a_patch_changes_nothing() -> None:
    hu, inside = patch()
    found = patch_features(hu, inside, Discretisation())
    for turned in (np.flip, np.transpose):
        again = patch_features(turned(hu), turned(inside), Discretisation())
        assert again == pytest.approx(found, rel=1e-9)


def test_metal_and_gas_do_not_count() -> None:
    hu, inside = patch()
    with_metal = hu.copy()
    with_metal[6, 5, 8] = 3071.0
    assert patch_features(with_metal, inside, Discretisation())["voxels"] == inside.sum() - 1
    with pytest.raises(ValueError, match="no voxel"):
        patch_features(np.full_like(hu, -1000.0), inside, Discretisation())


def test_a_flat_patch_has_finite_features() -> None:
    hu, inside = patch()
    assert np.isfinite(list(patch_features(np.full_like(hu, 250.0), inside, Discretisation()).values())).all()


def test_a_lone_voxel_has_finite_features() -> None:
    hu, inside = patch()
    alone = np.zeros_like(inside)
    alone[3, 3, 3] = True
    assert np.isfinite(list(patch_features(hu, alone, Discretisation()).values())).all()


def test_features_come_with_their_names() -> None:
    hu, inside = patch()
    found, names = features(np.stack([hu, hu + 60]), np.stack([inside, inside]), Discretisation())
    assert found.shape == (2, len(names)) == (2, 100)
    assert found[1, names.index("stat_mean")] - found[0, names.index("stat_mean")] == pytest.approx(60)
    assert len(DISTANCES) == 2


def test_pairs_are_as_scikit_image_counts_them() -> None:
    from skimage.feature import graycomatrix

    levels = np.random.default_rng(1).integers(1, 9, (1, 20, 20))
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counted = graycomatrix(levels[0].astype(np.uint8) - 1, [1], angles, levels=8, symmetric=True)
    ours = matrices.cooccurrence(levels, 1)
    np.testing.assert_array_equal(ours, counted.sum(axis=(2, 3))[: len(ours), : len(ours)])
