"""Rough solids of other regions: lists of layers (distance mm, HU), painted in order. LPS axes, supine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainer.phantom.sdf import F32, Points, capsule, cut, ellipsoid, union, waves

LayerList = list[tuple[F32, float]]
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

CORTEX_HU, SPONGIOSA_HU, SOFT_HU, FAT_HU, LUNG_HU, MARROW_HU = 1250.0, 260.0, 45.0, -95.0, -830.0, -40.0


@dataclass(frozen=True)
class Region:
    """A box that holds the region (mm about its middle) and the function that makes its layers."""

    box: Box
    half_depth: float
    build: Callable[[Points, np.random.Generator], LayerList] | None


def _limb(p: Points, rng: np.random.Generator, body: F32, bone: F32, hollow: F32 | None = None) -> LayerList:
    """Skin and fat, muscle, cortex, spongiosa, and where there is one the marrow cavity."""
    layers = [
        (body, 20.0),
        (body + np.float32(1.8), FAT_HU),
        (np.maximum(body + np.float32(8.0), -bone - 60.0), SOFT_HU),
        (bone, CORTEX_HU),
        (bone + np.float32(1.4), SPONGIOSA_HU),
        (np.maximum(bone + np.float32(1.8), 2.0 * waves(p, rng, 6.0, 14.0, 24) + 0.8), 0.5 * SPONGIOSA_HU),
        (np.maximum(bone + np.float32(1.8), 2.0 * waves(p, rng, 6.0, 14.0, 24) + 1.6), 1.7 * SPONGIOSA_HU),
    ]
    if hollow is not None:
        layers.append((hollow, MARROW_HU))
    return layers


def _joined(shapes: list[F32], blend: float) -> F32:
    out = shapes[0]
    for shape in shapes[1:]:
        out = union(out, shape, blend)
    return out


def _pelvis(p: Points, rng: np.random.Generator) -> LayerList:
    body = ellipsoid(p, (0, 0, 0), (185, 115, 400))
    bones: list[F32] = []
    for s in (-1.0, 1.0):
        femur = _joined(
            [
                ellipsoid(p, (s * 88, -5, 0), (24, 24, 24)),
                capsule(p, (s * 88, -5, 0), (s * 125, 5, -30), 14, 17),
                capsule(p, (s * 130, 10, -22), (s * 112, 5, -200), 21, 15),
            ],
            8.0,
        )
        socket = cut(
            ellipsoid(p, (s * 84, 0, 6), (38, 36, 36)), ellipsoid(p, (s * 92, -5, 0), (29, 29, 29)), 3.0
        )
        wing = np.abs(ellipsoid(p, (s * 40, -30, 95), (95, 90, 90))) - 5.0
        wing = np.maximum(np.maximum(wing, -(p[..., 2] - 30.0)), 62.0 - s * p[..., 0])
        rami = np.minimum(
            capsule(p, (s * 78, -20, -5), (s * 8, -55, -25), 10, 8),
            capsule(p, (s * 8, -55, -35), (s * 62, 30, -58), 8, 13),
        )
        bones += [femur, union(union(socket, wing.astype(np.float32), 8.0), rami, 6.0)]
    sacrum = ellipsoid(p, (0, 62, 65), (52, 26, 62))
    return _limb(p, rng, body, np.minimum.reduce([*bones, sacrum]).astype(np.float32))


def _ankle(p: Points, rng: np.random.Generator) -> LayerList:
    bones = [
        _joined([capsule(p, (8, 0, 22), (6, 0, 200), 21, 12), ellipsoid(p, (24, -2, 8), (6, 11, 14))], 8.0),
        _joined(
            [capsule(p, (-24, 10, 12), (-22, 6, 200), 9, 7), ellipsoid(p, (-25, 9, -6), (7, 10, 16))], 6.0
        ),
        _joined([ellipsoid(p, (0, 0, -14), (19, 24, 14)), ellipsoid(p, (4, -26, -20), (15, 15, 12))], 6.0),
        _joined([ellipsoid(p, (-3, 22, -42), (18, 38, 20)), ellipsoid(p, (-8, -18, -42), (14, 18, 14))], 6.0),
    ]
    bones += [capsule(p, (x, -50, -34), (x * 1.5, -125, -58), 9, 6) for x in (-24, -12, 0, 12, 24)]
    leg = union(capsule(p, (0, 5, 0), (0, 12, 220), 42, 56), ellipsoid(p, (0, -42, -35), (46, 105, 36)), 30.0)
    return _limb(p, rng, leg, np.minimum.reduce(bones).astype(np.float32))


def _elbow(p: Points, rng: np.random.Generator) -> LayerList:
    humerus = _joined(
        [
            capsule(p, (0, 0, 35), (0, 0, 200), 13, 10),
            ellipsoid(p, (0, 0, 14), (31, 11, 16)),
            ellipsoid(p, (-15, -6, 4), (11, 11, 10)),
            capsule(p, (2, -2, 2), (22, -2, 1), 10, 11),
        ],
        6.0,
    )
    ulna = _joined(
        [ellipsoid(p, (10, 15, 8), (12, 10, 24)), capsule(p, (10, 8, -22), (4, 8, -200), 12, 7)], 6.0
    )
    ulna = cut(ulna, humerus - np.float32(1.8), 2.0)
    radius = _joined(
        [ellipsoid(p, (-15, -4, -15), (12, 12, 8)), capsule(p, (-14, -3, -24), (-18, -2, -200), 8, 8)], 4.0
    )
    return _limb(
        p, rng, capsule(p, (0, 0, -200), (0, 0, 200), 40, 52), np.minimum.reduce([humerus, ulna, radius])
    )


def _hand(p: Points, rng: np.random.Generator) -> LayerList:
    bones = [capsule(p, (14, 0, 30), (12, 0, 200), 15, 8), capsule(p, (-16, 0, 32), (-14, 0, 200), 9, 7)]
    bones += [ellipsoid(p, (x, 0, z), (8, 8, 8)) for z in (18, 2) for x in (-20, -6, 8, 22)]
    bones += [capsule(p, (x, 0, -12), (1.5 * x, 0, -62), 6, 5) for x in (-22, -8, 6, 20)]
    bones += [capsule(p, (1.5 * x, 0, -72), (1.7 * x, 0, -105), 5, 4) for x in (-22, -8, 6, 20)]
    bones.append(capsule(p, (30, -8, 2), (55, -16, -38), 6, 5))
    body = union(capsule(p, (0, 0, 30), (0, 0, 220), 32, 38), ellipsoid(p, (0, 0, -35), (52, 20, 85)), 20.0)
    return _limb(p, rng, body, np.minimum.reduce(bones).astype(np.float32))


def _skull(p: Points, rng: np.random.Generator) -> LayerList:
    head = union(ellipsoid(p, (0, 0, 30), (82, 102, 95)), capsule(p, (0, 15, -60), (0, 20, -250), 62), 25.0)
    vault = np.abs(ellipsoid(p, (0, 2, 32), (74, 93, 86))) - 3.0
    jaw = np.abs(ellipsoid(p, (0, -38, -55), (48, 50, 38))) - 5.0
    jaw = np.maximum(jaw, p[..., 1] - 5.0)
    spine = np.maximum(
        ellipsoid(p, (0, 40, -120), (20, 20, 140)), 2.0 - np.abs(np.mod(p[..., 2], 18.0) - 9.0)
    )
    sinus = np.minimum(
        ellipsoid(p, (22, -70, -12), (13, 14, 15)), ellipsoid(p, (-22, -70, -12), (13, 14, 15))
    )
    bone = np.minimum(np.minimum(vault, jaw), spine).astype(np.float32)
    return [(head, 30.0), (ellipsoid(p, (0, 2, 32), (74, 93, 86)), 35.0), (bone, 1100.0), (sinus, -950.0)]


def _thorax(p: Points, rng: np.random.Generator) -> LayerList:
    body = ellipsoid(p, (0, 0, 0), (170, 110, 600))
    lungs = np.minimum(ellipsoid(p, (75, 0, 20), (62, 80, 140)), ellipsoid(p, (-75, 0, 20), (62, 80, 140)))
    cage = np.abs(ellipsoid(p, (0, 0, 0), (148, 92, 260))) - 4.5
    slope = p[..., 2] + 0.5 * p[..., 1]
    ribs = np.maximum(cage, 5.5 - np.abs(np.mod(slope, 26.0) - 13.0))
    vertebra = ellipsoid(p * np.array([1.0, 1.0, 0.02], dtype=np.float32), (0, 62, 0), (20, 17, 60))
    vertebra = np.maximum(vertebra, 2.5 - np.abs(np.mod(p[..., 2], 26.0) - 13.0))
    bone = np.minimum(ribs, vertebra).astype(np.float32)
    heart = ellipsoid(p, (18, -25, -20), (52, 45, 60))
    layers = _limb(p, rng, body, bone)
    return [*layers[:3], (lungs, LUNG_HU), (heart, 48.0), *layers[3:]]


def _shoulder(p: Points, rng: np.random.Generator) -> LayerList:
    humerus = _joined(
        [ellipsoid(p, (0, 0, 0), (24, 24, 24)), capsule(p, (10, 0, -10), (14, 0, -200), 20, 12)], 8.0
    )
    hollow = capsule(p, (13, 0, -65), (14, 0, -200), 6)
    blade: F32 = (np.abs(p[..., 1] * 0.9 + 0.35 * p[..., 0] - 12.0) - 3.0).astype(np.float32)
    blade = np.maximum(blade, ellipsoid(p, (-75, 30, -40), (48, 60, 75))).astype(np.float32)
    glenoid = cut(ellipsoid(p, (-30, 4, -2), (14, 16, 20)), ellipsoid(p, (0, 0, 0), (27, 27, 27)), 2.0)
    acromion = capsule(p, (5, 5, 34), (-45, 32, 30), 7)
    clavicle = capsule(p, (0, -12, 32), (-120, -35, 20), 7)
    cage = np.abs(ellipsoid(p, (-150, 10, -60), (110, 90, 160))) - 4.0
    ribs: F32 = np.maximum(cage, 5.0 - np.abs(np.mod(p[..., 2], 24.0) - 12.0)).astype(np.float32)
    bone = np.minimum.reduce([humerus, blade, glenoid, acromion, clavicle, ribs]).astype(np.float32)
    body = union(
        capsule(p, (10, 0, 0), (14, 0, -220), 58, 48), ellipsoid(p, (-140, 8, -60), (150, 105, 190)), 30.0
    )
    layers = _limb(p, rng, body, bone, hollow)
    lung = ellipsoid(p, (-150, 10, -60), (100, 80, 150))
    return [*layers[:3], (lung, LUNG_HU), *layers[3:]]


def _cylinder(p: Points, rng: np.random.Generator) -> LayerList:
    flat = p * np.array([1.0, 1.0, 0.0], dtype=np.float32)
    return [
        (capsule(flat, (0, 0, 0), (0, 0, 1), 100.0), 120.0),
        (capsule(flat, (0, 0, 0), (0, 0, 1), 95.0), 0.0),
    ]


SHAPES: dict[str, Region] = {
    "pelvis": Region(((-200, 200), (-130, 130), (-110, 130)), 120.0, _pelvis),
    "ankle": Region(((-75, 75), (-155, 75), (-85, 110)), 60.0, _ankle),
    "elbow": Region(((-65, 65), (-65, 65), (-110, 110)), 55.0, _elbow),
    "hand": Region(((-75, 75), (-55, 55), (-130, 90)), 40.0, _hand),
    "skull": Region(((-95, 95), (-120, 120), (-120, 140)), 110.0, _skull),
    "thorax": Region(((-185, 185), (-125, 125), (-120, 120)), 115.0, _thorax),
    "shoulder": Region(((-200, 90), (-110, 125), (-120, 85)), 115.0, _shoulder),
    "water cylinder": Region(((-115, 115), (-115, 115), (-10, 10)), 105.0, _cylinder),
    "empty couch": Region(((-10, 10), (-10, 10), (-10, 10)), 60.0, None),
}
