"""Signed distances (mm, negative inside) of simple solids, and how to join, cut and warp them.

Points are (..., 3) float32 arrays in mm. The results are distances near the surface only;
`redistance` turns a sampled shape into a true distance map.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from trainer.phantom.compiled import serial

F32 = npt.NDArray[np.float32]
Points = npt.NDArray[np.float32]
Triple = tuple[float, float, float]


def ellipsoid(p: Points, centre: Triple, radii: Triple) -> F32:
    """An ellipsoid along the axes."""
    size = np.array(radii, dtype=np.float32)
    q = (p - np.array(centre, dtype=np.float32)) / size
    k0 = np.sqrt(np.einsum("...i,...i", q, q))
    q /= size
    k1 = np.sqrt(np.einsum("...i,...i", q, q))
    return np.asarray(k0 * (k0 - 1.0) / np.maximum(k1, 1e-6), dtype=np.float32)


def capsule(p: Points, start: Triple, end: Triple, r0: float, r1: float | None = None) -> F32:
    """A round rod from `start` to `end`; the radius goes evenly from r0 to r1."""
    a, b = np.array(start, dtype=np.float32), np.array(end, dtype=np.float32)
    along = b - a
    t = np.clip(((p - a) @ along) / np.float32(np.dot(along, along)), 0.0, 1.0)
    nearest = a + t[..., None] * along
    radius = np.float32(r0) + t * np.float32((r0 if r1 is None else r1) - r0)
    return np.asarray(np.linalg.norm(p - nearest, axis=-1) - radius, dtype=np.float32)


def loft(
    p: Points, z: list[float], sections: list[tuple[float, float, float, float]], power: float = 2.0
) -> F32:
    """A column along z, endless at both ends. A section is (centre x, centre y, half width, half depth)."""
    profile = np.array(
        PchipInterpolator(z, np.array(sections))(np.clip(p[..., 2], z[0], z[-1])), dtype=np.float32
    )
    qx = np.abs(p[..., 0] - profile[..., 0]) / profile[..., 2]
    qy = np.abs(p[..., 1] - profile[..., 1]) / profile[..., 3]
    norm = (qx**power + qy**power) ** np.float32(1.0 / power)
    return np.asarray((norm - 1.0) * np.minimum(profile[..., 2], profile[..., 3]), dtype=np.float32)


def union(a: F32, b: F32, blend: float) -> F32:
    """Smooth union; `blend` is the size of the fillet in mm."""
    h = np.maximum(blend - np.abs(a - b), 0.0) / np.float32(blend)
    return np.asarray(np.minimum(a, b) - h * h * np.float32(blend * 0.25), dtype=np.float32)


def cut(a: F32, b: F32, blend: float) -> F32:
    """`a` without `b`, the edge rounded by `blend` mm."""
    return -union(-a, b, blend)


def turned(p: Points, angle: F32 | np.float32, x: float, y: float) -> Points:
    """Points turned by `angle` radians, which may differ by point, about the line along z through (x, y)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    u, v = p[..., 0] - np.float32(x), p[..., 1] - np.float32(y)
    across, along = cosine * u + sine * v + np.float32(x), cosine * v - sine * u + np.float32(y)
    return np.stack([across, along, p[..., 2]], axis=-1).astype(np.float32)


def smoothstep(x: F32, low: float, high: float) -> F32:
    """0 below `low`, 1 above `high`, smooth between; with low > high it falls."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def waves(p: Points, rng: np.random.Generator, shortest: float, longest: float, count: int = 10) -> F32:
    """A smooth random function of unit variance: plane waves of random direction and length (mm)."""
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = np.exp(rng.uniform(np.log(shortest), np.log(longest), count))
    phase = rng.uniform(0.0, 2.0 * np.pi, count)
    out = np.zeros(p.shape[:-1], dtype=np.float32)
    for d, wavelength, start in zip(direction, length, phase, strict=True):
        out += np.cos(p @ np.float32(2.0 * np.pi * d / wavelength) + np.float32(start))
    return out * np.float32(np.sqrt(2.0 / count))


def warp(
    p: Points, rng: np.random.Generator, amplitude: float, shortest: float, longest: float, count: int = 8
) -> Points:
    """Points moved by a smooth random displacement of standard deviation `amplitude` mm along each axis."""
    moved = [waves(p, rng, shortest, longest, count) for _ in range(3)]
    return np.asarray(p + np.float32(amplitude) * np.stack(moved, axis=-1), dtype=np.float32)


@serial
def _solve(far: F32, sign: F32, known: npt.NDArray[np.bool_], step: float) -> None:
    """Fast sweeping for |grad d| = 1 (Zhao 2005), outwards from the known voxels."""
    nk, nj, ni = far.shape
    for sweep in range(8):
        for kk in range(nk):
            k = kk if sweep & 1 == 0 else nk - 1 - kk
            for jj in range(nj):
                j = jj if sweep & 2 == 0 else nj - 1 - jj
                for ii in range(ni):
                    i = ii if sweep & 4 == 0 else ni - 1 - ii
                    if known[k, j, i]:
                        continue
                    a = min(far[k - 1, j, i] if k > 0 else 1e6, far[k + 1, j, i] if k < nk - 1 else 1e6)
                    b = min(far[k, j - 1, i] if j > 0 else 1e6, far[k, j + 1, i] if j < nj - 1 else 1e6)
                    c = min(far[k, j, i - 1] if i > 0 else 1e6, far[k, j, i + 1] if i < ni - 1 else 1e6)
                    lo = min(a, b, c)
                    hi = max(a, b, c)
                    mid = a + b + c - lo - hi
                    d = lo + step
                    if d > mid:
                        d = 0.5 * (lo + mid + np.sqrt(max(0.0, 2.0 * step * step - (lo - mid) ** 2)))
                        if d > hi:
                            s = lo + mid + hi
                            d = (
                                s
                                + np.sqrt(
                                    max(0.0, s * s - 3.0 * (lo * lo + mid * mid + hi * hi - step * step))
                                )
                            ) / 3.0
                    if d < far[k, j, i]:
                        far[k, j, i] = d
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                far[k, j, i] *= sign[k, j, i]


def redistance(shape: F32, step: float) -> F32:
    """True signed distance (mm) of a shape sampled every `step` mm as [k, j, i]; the surface stays."""
    gradient = np.gradient(shape, np.float32(step))
    slope = np.sqrt(gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2)
    close = np.abs(shape) / np.maximum(slope, 0.2)
    known = close < 1.5 * step
    far = np.where(known, close, np.float32(1e6)).astype(np.float32)
    _solve(far, np.sign(shape).astype(np.float32), known, step)
    return far
