"""The page of one knee: CT and five maps in two planes, and the numbers below them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ctsma_node.analysis.result import AnalysisResult, KneeResult, Side
from ctsma_node.report.picture.canvas import BACKGROUND, FAINT, INK, WARNING, Canvas, wrapped
from ctsma_node.report.picture.maps import Map, maps_of
from ctsma_node.report.picture.numbers import draw_bones, draw_cartilage, draw_class, draw_reasons
from ctsma_node.report.picture.slices import (
    OUTLINES,
    Plane,
    Slice,
    anatomy,
    largest_slice,
    value_map,
)
from ctsma_node.report.remarks import other_knees, subregions_marked
from ctsma_node.report.templates import Templates
from ctsma_node.report.texts import Texts

WIDTH, HEIGHT = 1912, 1140
_EDGE, _GAP, _COLUMNS = 24, 14, 6
_COLUMN = (WIDTH - 2 * _EDGE - (_COLUMNS - 1) * _GAP) // _COLUMNS
_REMARKS = 15  # size of their letters
_HEADS, _ROWS, _ROW_HEIGHT = 88, 160, 326
_PANELS = _ROWS + 2 * (_ROW_HEIGHT + _GAP) + 6


def render_knee(result: AnalysisResult, knee: KneeResult, templates: Templates) -> npt.NDArray[np.uint8]:
    """RGB [row, column, 3] of a knee's page."""
    canvas = Canvas(WIDTH, HEIGHT)
    slices = {plane: largest_slice(knee, plane) for plane in (Plane.CORONAL, Plane.SAGITTAL)}
    _draw_header(canvas, knee, templates)
    _draw_anatomy(canvas, knee, templates.texts, slices)
    for n, shown in enumerate(maps_of(knee, templates), start=1):
        _draw_map(canvas, knee.side, slices, shown, _column(n))
    draw_class(canvas, knee, templates, at=(_EDGE, _PANELS), width=430)
    draw_cartilage(canvas, knee, templates.texts, at=(_EDGE + 430 + _GAP, _PANELS), width=360)
    left = _EDGE + 430 + 360 + 2 * _GAP
    last = _column(_COLUMNS - 1)
    draw_bones(canvas, knee, templates.texts, at=(left, _PANELS), width=last - _GAP - left)
    draw_reasons(canvas, knee, templates, at=(last, _PANELS), width=WIDTH - _EDGE - last)
    _draw_footer(canvas, result, knee, templates)
    return canvas.pixels()


def _draw_header(canvas: Canvas, knee: KneeResult, templates: Templates) -> None:
    texts = templates.texts
    name = texts.side(knee.side)
    canvas.text((_EDGE, 18), name, 32, bold=True)
    banner = texts.of("banner")
    width = round(canvas.text_width(banner, 20, bold=True)) + 36
    canvas.box((WIDTH - _EDGE - width, 16), (width, 46), WARNING)
    canvas.text((WIDTH - _EDGE - width / 2, 39), banner, 20, colour=BACKGROUND, bold=True, anchor="mm")
    title = f"{texts.of('algorithm')}: {texts.of('names.subject')}"
    x = _EDGE + max(220, round(canvas.text_width(name, 32, bold=True)) + 24)
    canvas.text((x, 33), title, 16, colour=FAINT, within=WIDTH - _EDGE - width - _GAP - x)


def _draw_anatomy(canvas: Canvas, knee: KneeResult, texts: Texts, slices: dict[Plane, Slice]) -> None:
    """The first column: CT slices with the outlines of the bones."""
    canvas.text((_EDGE, _HEADS), "CT", 19, bold=True)
    x = float(_EDGE)
    for bone, colour in OUTLINES.items():
        name = texts.term(bone)
        canvas.text((x, _HEADS + 30), name, 15, colour=colour)
        x += canvas.text_width(name, 15) + 18
    for row, (plane, shown) in enumerate(slices.items()):
        at, size = _cell(shown, _EDGE, row)
        canvas.paste(anatomy(shown, size), at)
        _draw_orientation(canvas, knee.side, plane, at, size)


def _draw_map(canvas: Canvas, side: Side, slices: dict[Plane, Slice], values: Map, x: int) -> None:
    """A column: the map's name, the colours of its values, and the map in each plane."""
    canvas.text((x, _HEADS), values.title, 19, bold=True)
    canvas.text((x + _COLUMN, _HEADS + 4), values.unit, 15, colour=FAINT, anchor="ra")
    _draw_colour_bar(canvas, (x, _HEADS + 30), _COLUMN, values)
    for row, (plane, shown) in enumerate(slices.items()):
        at, size = _cell(shown, x, row)
        canvas.paste(value_map(shown, values, size), at)
        _draw_orientation(canvas, side, plane, at, size)


def _column(number: int) -> int:
    """Left edge of a column, counted from zero."""
    return _EDGE + number * (_COLUMN + _GAP)


def _draw_colour_bar(canvas: Canvas, at: tuple[int, int], width: int, values: Map) -> None:
    ramp = values.colours[np.linspace(0, 255, width).round().astype(np.uint8)]
    canvas.paste(Image.fromarray(np.repeat(ramp[None], 14, axis=0)), at)
    for part, anchor, tick in zip((0.0, 0.5, 1.0), ("la", "ma", "ra"), values.ticks, strict=True):
        canvas.text((at[0] + part * width, at[1] + 17), tick, 14, colour=FAINT, anchor=anchor)


def _draw_orientation(
    canvas: Canvas, side: Side, plane: Plane, at: tuple[int, int], size: tuple[int, int]
) -> None:
    """Anterior and posterior, or medial and lateral: a left knee's medial side is shown on the left."""
    left, right = ("A", "P") if plane is Plane.SAGITTAL else ("med", "lat")
    if plane is Plane.CORONAL and side is Side.RIGHT:
        left, right = right, left
    y = at[1] + size[1] - 7
    canvas.label((at[0] + 6, y), left, "ls")
    canvas.label((at[0] + size[0] - 6, y), right, "rs")


def _draw_footer(canvas: Canvas, result: AnalysisResult, knee: KneeResult, templates: Templates) -> None:
    """What a reader must know first, then what made the page."""
    y = HEIGHT - 76
    across = WIDTH - 2 * _EDGE
    texts = templates.texts
    for n, line in enumerate(fitting(canvas, _remarks(result, knee, texts), across, texts)):
        canvas.text((_EDGE, y + 22 * n), line, _REMARKS, colour=WARNING, within=across)
    bundle, training = f"{result.bundle_name} {result.bundle_version}", texts.term(result.training)
    digest = result.bundle_digest[:12]
    made_by = texts.of("made_by", bundle=bundle, digest=digest, training=training)
    research = texts.of("research")
    left = across - canvas.text_width(research, 14) - _GAP
    canvas.text((_EDGE, HEIGHT - 30), made_by, 14, colour=FAINT, within=left)
    canvas.text((WIDTH - _EDGE, HEIGHT - 30), research, 14, colour=INK, anchor="ra")


def _remarks(result: AnalysisResult, knee: KneeResult, texts: Texts) -> list[str]:
    """A knee that was not analysed, marks of this one, and how many subregions carry one: all sentences."""
    marks = dict.fromkeys(texts.mark(mark) for mark in knee.marks)
    remarks = [*other_knees(result, texts), *marks, *subregions_marked(knee, texts)]
    return [remark.rstrip(".") + "." for remark in remarks]


def fitting(canvas: Canvas, remarks: list[str], across: float, texts: Texts) -> list[str]:
    """Two lines of remarks; those that have no room are counted."""
    for shown in range(len(remarks), 0, -1):
        left = len(remarks) - shown
        more = [texts.of("more_remarks", count=str(left))] if left else []
        lines = wrapped(canvas, " ".join([*remarks[:shown], *more]), across, _REMARKS)
        if len(lines) <= 2:
            return lines
    first, *rest = wrapped(canvas, " ".join(remarks), across, _REMARKS)
    return [first, " ".join(rest)]


def _cell(shown: Slice, x: int, row: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a slice's picture goes in its column, and its (width, height): the largest that fits, centred."""
    height = min(_ROW_HEIGHT, _COLUMN / shown.aspect)
    width = round(height * shown.aspect)
    top = _ROWS + row * (_ROW_HEIGHT + _GAP) + (_ROW_HEIGHT - round(height)) // 2
    return (x + (_COLUMN - width) // 2, top), (width, round(height))
