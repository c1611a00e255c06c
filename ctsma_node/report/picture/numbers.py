"""The numbers of a page: class and probabilities, cartilage scores, the bones' means."""

from __future__ import annotations

from ctsma_node.analysis.result import KneeResult, OAClass, Parameter
from ctsma_node.report.picture.canvas import ACCENT, FAINT, INK, RULE, Canvas
from ctsma_node.report.templates import Templates

_TITLE, _LINE = 15, 26


def draw_class(
    canvas: Canvas, knee: KneeResult, templates: Templates, at: tuple[int, int], width: int
) -> None:
    """The class, the probability of osteoarthritis, and a bar for each class."""
    x, y = at
    canvas.box(at, (width, 188))
    canvas.text((x + 18, y + 14), "Kellgren-Lawrence class", _TITLE, colour=FAINT)
    canvas.text((x + 18, y + 36), templates.classes[knee.oa_class].meaning, 20, bold=True)
    canvas.text((x + 18, y + 68), f"Probability of osteoarthritis {knee.oa_probability:.2f}", 16)
    top = y + 102
    for oa_class in OAClass:
        _draw_bar(canvas, oa_class.value, knee.class_probabilities[oa_class], (x + 18, top), width - 36)
        top += _LINE


def draw_cartilage(canvas: Canvas, knee: KneeResult, at: tuple[int, int], width: int) -> None:
    """Predicted MOAKS scores, each with its standard deviation."""
    x, y = at
    canvas.box(at, (width, 166))
    canvas.text((x + 18, y + 12), "Predicted MOAKS cartilage score (± 1 SD)", _TITLE, colour=FAINT)
    top = y + 38
    for region, score in knee.cartilage.items():
        canvas.text((x + 18, top), region.value, 15)
        canvas.text((x + width - 18, top), f"{score.value:.1f} ± {score.sd:.1f}", 15, anchor="ra")
        top += 24


def draw_bones(canvas: Canvas, knee: KneeResult, at: tuple[int, int], width: int) -> None:
    """A table: for each bone the mean and standard deviation over its subregions, and the volume."""
    x, y = at
    canvas.box(at, (width, 118))
    columns = [x + 18, *(x + 330 + n * 200 for n in range(4)), x + width - 18]
    heads = ["Mean ± SD over subregions", *_parameter_heads(), "Volume cm³"]
    _draw_row(canvas, columns, heads, y + 14, FAINT)
    canvas.line((x + 18, y + 40), (x + width - 18, y + 40), RULE)
    for n, bone in enumerate(knee.bones):
        values = [f"{bone.mean[p]:.3f} ± {bone.sd[p]:.3f}" for p in Parameter]
        row = [bone.bone.value.capitalize(), *values, f"{bone.volume / 1000:.1f}"]
        _draw_row(canvas, columns, row, y + 52 + n * 30, INK)


def _parameter_heads() -> list[str]:
    units = {Parameter.BVTV: "", Parameter.TBTH: " mm", Parameter.TBSP: " mm", Parameter.TBN: " 1/mm"}
    return [f"{p.value}{units[p]}" for p in Parameter]


def _draw_row(
    canvas: Canvas, columns: list[int], texts: list[str], y: int, colour: tuple[int, int, int]
) -> None:
    """The first text starts at its column, the last ends there, the others are centred."""
    anchors = ["la", *["ma"] * (len(texts) - 2), "ra"]
    for x, text, anchor in zip(columns, texts, anchors, strict=True):
        canvas.text((x, y), text, 16, colour=colour, anchor=anchor)


def _draw_bar(canvas: Canvas, name: str, part: float, at: tuple[int, int], width: int) -> None:
    x, y = at
    start, full = x + 100, width - 160
    canvas.text((x, y), name, 15)
    canvas.box((start, y + 3), (full, 14), RULE, radius=3)
    if part > 0:
        canvas.box((start, y + 3), (max(round(full * min(part, 1.0)), 2), 14), ACCENT, radius=3)
    canvas.text((x + width, y), f"{part:.2f}", 15, anchor="ra")
