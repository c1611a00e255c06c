"""Pictures of the drawn knees: the planes of both scans with the bones' outlines, and zooms of one place."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from ctsma_node.analysis.bones import LABEL
from ctsma_node.analysis.result import Bone, OAClass, Side
from ctsma_node.volume import CTVolume, apply
from trainer.evaluation.realism.scans import Scans
from trainer.evaluation.realism.slices import Plane, anatomical, seen, spot_in_mr, zoom_planes
from trainer.evaluation.realism.zones import F64
from trainer.phantom.structure import Part

matplotlib.use("Agg")

OUTLINE = {Bone.FEMUR: "#ffb000", Bone.TIBIA: "#3fa7ff"}
CT_WINDOW, ZOOM_WINDOW = (-200.0, 1200.0), (-150.0, 900.0)
FIELD = (104.0, 112.0)
"""mm across and down."""
STEP = 0.3


def knee_picture(scans: Scans, thin: CTVolume, path: Path) -> None:
    """One row: CT sagittal, coronal and axial, MR sagittal, and the same place of the tibia in both."""
    figure = Figure(figsize=(15.0, 2.85), dpi=100)
    axes = figure.subplots(1, 6, gridspec_kw={"width_ratios": [*[FIELD[0] / FIELD[1]] * 4, 1, 1]})
    for axis, (name, plane) in zip(axes, _ct_planes(scans), strict=False):
        _show(axis, seen(thin.hu, thin.affine, plane, outside=-1000.0), CT_WINDOW, f"CT {name}", plane)
        _outlines(axis, scans.ct_labels, scans.ct.affine, plane)
    mr_plane = _mr_plane(scans)
    top = float(np.percentile(scans.mr.signal, 99.5))
    _show(axes[3], seen(scans.mr.signal, scans.mr.affine, mr_plane), (0.0, top), "MR sagittal", mr_plane)
    _outlines(axes[3], scans.mr_labels, scans.mr.affine, mr_plane)
    in_ct, in_mr = zoom_planes(scans)
    _show(axes[4], seen(thin.hu, thin.affine, in_ct), ZOOM_WINDOW, "CT, medial tibia", in_ct)
    _show(axes[5], seen(scans.mr.signal, scans.mr.affine, in_mr), (0.0, top), "MR, same place", in_mr)
    figure.subplots_adjust(left=0.02, right=0.999, top=0.92, bottom=0.005, wspace=0.015)
    axes[0].set_ylabel(_title(scans), fontsize=9)
    save(figure, path, _greys_and_outlines())


def _title(scans: Scans) -> str:
    side = "left" if scans.knee.side is Side.LEFT else "right"
    return f"{scans.knee.oa_class}, KL {scans.knee.kl}, {side}"


def _ct_planes(scans: Scans) -> Sequence[tuple[str, Plane]]:
    """Sagittal through the medial compartment, coronal through the plateau, axial through the condyles."""
    tibia, femur = (scans.knee.poses[part] for part in (Part.TIBIA, Part.FEMUR))
    size = np.array(scans.knee.anatomy.size)
    middle = scans.knee.placement[:3, 3]

    def at(pose: F64, own: tuple[float, float, float], axis: int) -> F64:
        """The middle of the knee, but along `axis` at a point of the bone."""
        centre = middle.copy()
        centre[axis] = apply(pose, np.array(own) * size)[axis]
        return np.asarray(centre)

    return (
        ("sagittal", anatomical(at(tibia, (21.0, 0.0, 0.0), 0), "sagittal", FIELD, STEP)),
        ("coronal", anatomical(at(tibia, (0.0, 2.0, 0.0), 1), "coronal", FIELD, STEP)),
        ("axial", anatomical(at(femur, (0.0, 0.0, 24.0), 2), "axial", FIELD, STEP)),
    )


def _mr_plane(scans: Scans) -> Plane:
    """The slice that holds the zoom."""
    axes = scans.mr.affine[:3, :3] / scans.mr.spacing
    centre = spot_in_mr(scans)
    joint = scans.subject.mr_knee.placement[:3, 3]
    inside = centre + axes[:, :2] @ (axes[:, :2].T @ (joint - centre))
    return Plane.about(inside, axes[:, 0], axes[:, 1], FIELD, STEP)


def _show(
    axis: Axes, image: npt.NDArray[np.float32], window: tuple[float, float], title: str, plane: Plane
) -> None:
    axis.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], interpolation="nearest")
    axis.set_title(title, fontsize=9, pad=3)
    axis.set_xticks([])
    axis.set_yticks([])
    rows, columns = image.shape
    bar = 10.0 if columns * plane.step > 50.0 else 2.0
    y = 0.96 * rows
    axis.plot([0.04 * columns, 0.04 * columns + bar / plane.step], [y, y], color="white", linewidth=2)
    axis.text(0.04 * columns, y - 0.02 * rows, f"{bar:g} mm", color="white", fontsize=7, va="bottom")


def _outlines(axis: Axes, labels: npt.NDArray[np.uint8], affine: F64, plane: Plane) -> None:
    for bone, colour in OUTLINE.items():
        mask = seen((labels == LABEL[bone]).astype(np.float32), affine, plane)
        if mask.max() > 0.5:
            axis.contour(mask, levels=[0.5], colors=[colour], linewidths=0.5, antialiased=False)


def save(figure: Figure, path: Path, colours: int | Image.Image = 64) -> None:
    """As a PNG of few colours, or of a palette: half the size, and nothing that the eye misses."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png")
    image = Image.open(raw).convert("RGB")
    if isinstance(colours, int):
        image = image.quantize(colours, dither=Image.Dither.NONE)
    else:
        image = image.quantize(palette=colours, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


def _greys_and_outlines() -> Image.Image:
    """A palette of 62 greys and the outlines' colours."""
    greys = [level for level in np.linspace(0, 255, 62).astype(int).tolist() for _ in range(3)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*greys, *(c for colour in OUTLINE.values() for c in ImageColor.getrgb(colour))])
    return palette


def chosen(persons: Sequence[tuple[int, OAClass, Side]]) -> list[int]:
    """The first subject of each group and side that is there, by group."""
    out = []
    for oa_class in OAClass:
        for side in (Side.RIGHT, Side.LEFT):
            out += [number for number, c, s in persons if c is oa_class and s is side][:1]
    return out
