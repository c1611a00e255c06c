"""Training volumes of the finder and the segmenter, drawn from phantoms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ctsma_node.analysis.grid import SIZE, knee_affine
from ctsma_node.analysis.result import Side
from trainer.phantom.ct import label_on, render_on
from trainer.phantom.other import draw_other
from trainer.phantom.scene import Scene, draw_scene

FINDER_STEP = 4.0
"""mm of the finder's cubic voxels."""
_TEXTURED = 4
"""Every so manieth knee has its trabeculae drawn; outlines are learned as well without, five times faster."""
_BOTH = (Side.RIGHT, Side.LEFT)


def draw_sides(rng: np.random.Generator) -> tuple[Side, ...]:
    """Both knees in two of five fields of view."""
    return (_BOTH, _BOTH, (Side.RIGHT,), (Side.LEFT,), (Side.LEFT,))[int(rng.integers(5))]


def bone_volume(seed: int) -> dict[str, Any]:
    """One knee on the analysis grid, off its centre by up to a centimetre: `hu` int16, `labels` uint8."""
    rng = np.random.default_rng([seed, 11])
    scene = draw_scene(seed, draw_sides(rng))
    knee = scene.knees[int(rng.integers(len(scene.knees)))]
    affine = knee_affine(knee.placement[:3, 3] + rng.uniform(-10, 10, 3))
    hu = render_on(
        scene,
        affine,
        SIZE,
        fwhm=float(rng.uniform(0.8, 2.0)),
        slice_fwhm=float(rng.uniform(0.8, 3.0)),
        noise_hu=float(rng.uniform(5, 110)),
        seed=seed,
        textured=seed % _TEXTURED == 0,
    ).hu
    return {"hu": hu.astype(np.int16), "labels": label_on(scene, affine, SIZE)}


def field_of_view(seed: int) -> dict[str, Any]:
    """A whole field of view at the finder's step; one in four shows another part of the body."""
    rng = np.random.default_rng([seed, 12])
    if rng.random() < 0.25:
        other = draw_other(seed)
        extent = rng.uniform([200, 200, 100], [480, 480, 340])
        affine, size = _box(rng.uniform(-30, 30, 3), extent)
        volume = render_on(other, affine, size, fwhm=4.0, slice_fwhm=4.0, noise_hu=15.0, seed=seed)
        return {"hu": volume.hu.astype(np.int16), "labels": np.zeros(volume.hu.shape, np.uint8)}
    scene = draw_scene(seed, draw_sides(rng))
    affine, size = _box(*_field(scene, rng))
    volume = render_on(scene, affine, size, fwhm=4.0, slice_fwhm=4.0, noise_hu=15.0, seed=seed)
    return {"hu": volume.hu.astype(np.int16), "labels": label_on(scene, affine, size)}


def _field(scene: Scene, rng: np.random.Generator) -> tuple[Any, Any]:
    """Centre and extent: on one knee, or on all of them; sometimes off the joint altogether."""
    centres = np.array([k.placement[:3, 3] for k in scene.knees])
    one = rng.random() < 0.5
    centre = centres[int(rng.integers(len(centres)))] if one else centres.mean(axis=0)
    low, high = ([130, 130, 80], [260, 260, 260]) if one else ([330, 260, 90], [500, 500, 300])
    extent = rng.uniform(low, high)
    shift = rng.uniform(-1, 1, 3) * [15, 15, 40]
    return centre + shift, extent


def _box(centre: Any, extent: Any) -> tuple[np.ndarray[Any, Any], tuple[int, int, int]]:
    """A cubic-voxel grid along L, P, S."""
    size = np.maximum(np.round(np.asarray(extent) / FINDER_STEP).astype(int), 16)
    affine = np.diag([FINDER_STEP, FINDER_STEP, FINDER_STEP, 1.0])
    affine[:3, 3] = np.asarray(centre) - FINDER_STEP * (size - 1) / 2.0
    return affine, (int(size[0]), int(size[1]), int(size[2]))
