from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ctsma_node.analysis.result import Bone
from ctsma_node.volume import CTVolume, apply
from tests.unit.trainer.phantom.pairs import drawn
from trainer.evaluation.realism.ct_figures import noise_figures
from trainer.evaluation.realism.mr_figures import air_noise, texture_length
from trainer.evaluation.realism.retest import patch_hu, repeats
from trainer.evaluation.realism.slices import Plane, anatomical, seen
from trainer.evaluation.realism.structure_figures import columns
from trainer.evaluation.realism.zones import depth_under_surface, in_bone_frame, loaded_columns
from trainer.phantom.noise import add_noise
from trainer.phantom.structure import Part


def test_air_tells_the_noise_and_tissue_does_not() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 50.0, (2, 4, 128, 128))
    tissue = np.zeros((4, 128, 128))
    tissue[:, :, 40:] = 900.0
    signal = np.hypot(tissue + noise[0], noise[1]).astype(np.float32)
    assert air_noise(signal) == pytest.approx(50.0, rel=0.03)
    assert np.isnan(air_noise(signal[:, :, 48:]))


@pytest.mark.parametrize("apart", [0.9, 1.4])
def test_the_texture_reaches_a_quarter_of_the_distance_of_its_stripes(apart: float) -> None:
    """Random waves `apart` mm long, and white noise that must not shorten the correlation."""
    rng = np.random.default_rng(2)
    pixel = 0.234
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(192, pixel), np.fft.fftfreq(192, pixel)))
    band = np.exp(-0.5 * ((frequency - 1.0 / apart) / 0.12) ** 2)
    texture = np.fft.ifft2(np.fft.fft2(rng.standard_normal((8, 192, 192))) * band).real
    texture *= 100.0 / texture.std()
    region = np.zeros(texture.shape, dtype=bool)
    region[:, 10:-10, 10:-10] = True
    noisy = (700.0 + texture + rng.normal(0.0, 80.0, texture.shape)).astype(np.float32)
    # A ring of spatial frequencies 1 / apart correlates as J0(2 pi r / apart), 1/e at r = 0.28 apart.
    assert texture_length(noisy, region, 80.0, pixel) == pytest.approx(0.28 * apart, rel=0.12)
    assert texture_length(noisy, region, 0.0, pixel) < 0.9 * texture_length(noisy, region, 80.0, pixel)


@pytest.mark.parametrize(("fwhm", "noise_hu"), [(0.65, 30.0), (0.8, 60.0)])
def test_the_noise_of_muscle_is_measured(fwhm: float, noise_hu: float) -> None:
    affine = np.diag([0.273, 0.273, 0.3, 1.0])
    hu = np.full((12, 200, 200), 50.0, dtype=np.float32)
    hu[:, :, :60] = -100.0  # fat, to be passed over
    added = np.zeros_like(hu)
    add_noise(added, affine, noise_hu, fwhm, 1.0, 3)
    figures = noise_figures(CTVolume(hu + added, affine))
    assert figures["CT noise SD, thin"] == pytest.approx(added.std(), rel=0.15)
    assert 0.1 < figures["CT noise peak frequency"] < 0.7


def test_depth_is_measured_along_the_grids_axes_and_the_border_is_no_surface() -> None:
    mask = np.zeros((20, 30, 10), dtype=bool)
    mask[:, 10:, :] = True
    depth = depth_under_surface(mask, np.array([9.0, 0.5, 7.0]))  # i, j, k
    assert depth[10, 10, 5] == pytest.approx(0.5)
    assert depth[10, 29, 5] == pytest.approx(10.0)
    assert depth[0, 20, 0] == pytest.approx(5.5)
    assert depth[10, 5, 5] == 0.0


def test_compartments_of_a_left_knee_are_mirrored() -> None:
    knee = drawn().ct_knee
    pose = knee.poses[Part.TIBIA]
    points = apply(pose, np.array([[20.0, 0.0, -10.0], [-20.0, 0.0, -10.0], [0.0, 0.0, -10.0]]))
    assert points[0, 0] < points[1, 0]  # medial of a left knee: towards the patient's right
    assert loaded_columns(knee, Bone.TIBIA, "medial", points).tolist() == [True, False, False]
    assert loaded_columns(knee, Bone.TIBIA, "lateral", points).tolist() == [False, True, False]
    assert np.allclose(in_bone_frame(knee, Bone.TIBIA, points)[:, 0], [20.0, -20.0, 0.0])


def test_the_law_is_read_by_depth() -> None:
    figures = columns(drawn().ct_knee, Bone.TIBIA)
    for compartment in ("medial", "lateral"):
        shallow, deep = (figures[f"BV/TV tibia {compartment} {d} mm"] for d in ("0-3", "10-15"))
        assert 0.1 < deep < shallow < 0.68
        assert 0.1 < figures[f"Tb.Th tibia {compartment} 3-6 mm"] < 0.5
        assert 0.0 < figures[f"cartilage thickness tibia {compartment}"] < 2.5
    assert all(np.isfinite(value) for value in figures.values())


def test_a_patch_is_the_mean_about_its_centre() -> None:
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    k, j, i = np.meshgrid(np.arange(20), np.arange(40), np.arange(40), indexing="ij")
    volume = CTVolume((3.0 * i + 2.0 * j + 10.0 * k).astype(np.float32), affine)
    centres = np.array([[20.0, 19.0, 18.0], [15.0, 21.0, 20.0]])
    assert patch_hu(volume, centres) == pytest.approx(centres @ [3.0, 2.0, 5.0])


def test_repeats_of_known_spread() -> None:
    rng = np.random.default_rng(4)
    true = rng.normal(100.0, 10.0, 4000)
    visits = {"x": np.stack([true + rng.normal(0.0, 2.0, true.size) for _ in range(2)])}
    found = repeats(visits)[0]
    assert found.icc == pytest.approx(100.0 / 104.0, abs=0.005)
    assert found.rms_cv == pytest.approx(0.02, rel=0.05)


def test_planes_show_the_patient_as_radiologists_do() -> None:
    volume = np.zeros((30, 30, 30), dtype=np.float32)
    volume[20, 15, 15] = 1.0  # 5 above the middle
    volume[15, 15, 8] = 2.0  # 7 to the patient's right (smaller x)
    image = seen(volume, np.eye(4), anatomical(np.full(3, 15.0), "coronal", (20.0, 20.0), 1.0))
    middle = image.shape[0] // 2
    assert image[middle - 5, middle] == 1.0
    assert image[middle, middle - 7] == 2.0
    moved = np.eye(4)
    moved[:3, 3] = [0.0, 0.0, 5.0]
    carried: Plane = anatomical(np.full(3, 15.0), "coronal", (20.0, 20.0), 1.0).moved(moved)
    assert seen(volume, np.eye(4), carried)[middle, middle] == 1.0


def test_smoothing_is_no_part_of_what_is_seen() -> None:
    rng = np.random.default_rng(5)
    values = gaussian_filter(rng.standard_normal((8, 16, 16)).astype(np.float32), 1.0)
    plane = Plane.about(
        np.array([7.5, 7.5, 4.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (15.0, 15.0), 1.0
    )
    assert np.allclose(seen(values, np.eye(4), plane), values[4], atol=1e-6)
