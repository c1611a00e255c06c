"""The page of one knee."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import AnalysisResult, KneeResult, Parameter, Side
from ctsma_node.report.picture.canvas import BACKGROUND, FAINT, INK, WARNING, Canvas, wrapped
from ctsma_node.report.picture.numbers import draw_bones, draw_cartilage, draw_class
from ctsma_node.report.picture.slices import COLOURS, Plane, Slice, anatomy, largest_slice, value_map
from ctsma_node.report.templates import Templates

WIDTH, HEIGHT = 1200, 1120
_EDGE = 24
_SIDES = {Side.LEFT: "Left knee", Side.RIGHT: "Right knee"}
UNIT_NAMES = {Parameter.BVTV: "ratio", Parameter.TBTH: "mm", Parameter.TBSP: "mm", Parameter.TBN: "1/mm"}


def render_knee(result: AnalysisResult, knee: KneeResult, templates: Templates) -> npt.NDArray[np.uint8]:
    """RGB [row, column, 3] of a knee's page."""
    canvas = Canvas(WIDTH, HEIGHT)
    slices = {plane: largest_slice(knee, plane) for plane in Plane}
    _draw_header(canvas, knee, templates)
    _draw_anatomy(canvas, knee, slices)
    draw_class(canvas, knee, templates, at=(648, 92), width=WIDTH - _EDGE - 648)
    draw_cartilage(canvas, knee, at=(648, 292), width=WIDTH - _EDGE - 648)
    _draw_maps(canvas, knee, slices, templates)
    draw_bones(canvas, knee, at=(_EDGE, 878), width=WIDTH - 2 * _EDGE)
    _draw_footer(canvas, result, knee, templates)
    return canvas.pixels()


def _draw_header(canvas: Canvas, knee: KneeResult, templates: Templates) -> None:
    canvas.text((_EDGE, 20), _SIDES[knee.side], 30, bold=True)
    canvas.text((_EDGE, 58), f"{templates.texts['algorithm']}: trabecular bone from CT", 15, colour=FAINT)
    banner = templates.texts["banner"]
    width = round(canvas.text_width(banner, 18, bold=True)) + 32
    canvas.box((WIDTH - _EDGE - width, 22), (width, 40), WARNING)
    canvas.text((WIDTH - _EDGE - width / 2, 42), banner, 18, colour=BACKGROUND, bold=True, anchor="mm")


def _draw_anatomy(canvas: Canvas, knee: KneeResult, slices: dict[Plane, Slice]) -> None:
    """CT slices with the outlines of the bones, side by side."""
    x = _EDGE
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        size = _fit(slices[plane], (300, 330))
        canvas.text((x, 92), plane.value.capitalize(), 15, colour=FAINT)
        canvas.paste(anatomy(slices[plane], size), (x, 116))
        _draw_orientation(canvas, knee.side, plane, (x, 116), size)
        x += size[0] + 16


def _draw_maps(canvas: Canvas, knee: KneeResult, slices: dict[Plane, Slice], templates: Templates) -> None:
    """Four columns, one for each parameter: name, colour bar, coronal and sagittal map beside each other."""
    column = (WIDTH - 2 * _EDGE - 3 * 18) // 4
    for n, parameter in enumerate(Parameter):
        x, y = _EDGE + n * (column + 18), 478
        limits = templates.display_range[parameter]
        canvas.text((x, y), parameter.value, 18, bold=True)
        canvas.text((x + column, y + 3), UNIT_NAMES[parameter], 14, colour=FAINT, anchor="ra")
        _draw_colour_bar(canvas, (x, y + 28), column, limits)
        by_label = _by_label(knee, parameter)
        shown = slices[Plane.CORONAL], slices[Plane.SAGITTAL]
        height = min(300, round((column - 6) / (shown[0].aspect + shown[1].aspect)))
        for plane, piece in zip((Plane.CORONAL, Plane.SAGITTAL), shown, strict=True):
            size = (round(height * piece.aspect), height)
            canvas.paste(value_map(piece, by_label, limits, size), (x, y + 78))
            _draw_orientation(canvas, knee.side, plane, (x, y + 78), size)
            x += size[0] + 6


def _draw_colour_bar(canvas: Canvas, at: tuple[int, int], width: int, limits: tuple[float, float]) -> None:
    from PIL import Image

    ramp = COLOURS[np.linspace(0, 255, width).round().astype(np.uint8)]
    canvas.paste(Image.fromarray(np.repeat(ramp[None], 14, axis=0)), at)
    low, high = limits
    for part, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        value = low + part * (high - low)
        canvas.text((at[0] + part * width, at[1] + 18), f"{value:.2f}", 13, colour=FAINT, anchor=anchor)


def _draw_orientation(
    canvas: Canvas, side: Side, plane: Plane, at: tuple[int, int], size: tuple[int, int]
) -> None:
    """Anterior and posterior, or medial and lateral: seen from the front a left knee's medial side is left."""
    left, right = ("A", "P") if plane is Plane.SAGITTAL else ("med", "lat")
    if plane is Plane.CORONAL and side is Side.RIGHT:
        left, right = right, left
    y = at[1] + size[1] - 6
    canvas.label((at[0] + 5, y), left, "ls")
    canvas.label((at[0] + size[0] - 5, y), right, "rs")


def _draw_footer(canvas: Canvas, result: AnalysisResult, knee: KneeResult, templates: Templates) -> None:
    """Marks first, then what made the page."""
    marks = dict.fromkeys(mark.text for mark in knee.marks)
    marked = sum(1 for subregion in knee.subregions if subregion.marks)
    if marked:
        marks[
            f"{marked} of {len(knee.subregions)} subregions carry a mark; the measurement report names it."
        ] = None
    y = 1018
    for line in wrapped(canvas, " ".join(marks), WIDTH - 2 * _EDGE, 14)[:3]:
        canvas.text((_EDGE, y), line, 14, colour=WARNING)
        y += 20
    made_by = f"Bundle {result.bundle_name} {result.bundle_version}, sha256 {result.bundle_digest[:12]}"
    canvas.text((_EDGE, HEIGHT - 28), made_by, 13, colour=FAINT)
    canvas.text((WIDTH - _EDGE, HEIGHT - 28), templates.texts["research"], 13, colour=INK, anchor="ra")


def _by_label(knee: KneeResult, parameter: Parameter) -> npt.NDArray[np.float32]:
    values = np.zeros(256, dtype=np.float32)
    for subregion in knee.subregions:
        values[subregion.label] = subregion.values[parameter].value
    return values


def _fit(shown: Slice, limits: tuple[int, int]) -> tuple[int, int]:
    """The largest size of a slice's picture within (width, height)."""
    height = min(limits[1], limits[0] / shown.aspect)
    return round(height * shown.aspect), round(height)
