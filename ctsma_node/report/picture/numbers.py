"""The numbers of a page: class and probabilities, cartilage scores, the bones' means."""

from __future__ import annotations

from ctsma_node.analysis.result import BoneSummary, KneeResult, OAClass, Parameter
from ctsma_node.report.picture.canvas import ACCENT, FAINT, INK, RULE, Canvas, Colour
from ctsma_node.report.reasons import MOST, change_of
from ctsma_node.report.templates import Templates
from ctsma_node.report.texts import Texts, probability

PANEL_HEIGHT = 204
_UNITS = {Parameter.TBTH: "mm", Parameter.TBSP: "mm", Parameter.TBN: "1/mm"}
_PAD, _LINE = 18, 27


def unit_name(parameter: Parameter, texts: Texts) -> str:
    """The unit of a parameter as people write it; BV/TV has none and is called what it is."""
    return _UNITS.get(parameter) or texts.of("names.ratio")


def draw_class(
    canvas: Canvas, knee: KneeResult, templates: Templates, at: tuple[int, int], width: int
) -> None:
    """The class, the probability of osteoarthritis, and a bar for each class."""
    texts = templates.texts
    x, y = _panel(canvas, at, width, texts.of("picture.class"))
    meaning = texts.term(templates.classes[knee.oa_class].meaning)
    canvas.text((x, y), meaning, 18, bold=True, within=width - 2 * _PAD)
    said = texts.of("picture.probability", probability=probability(knee.oa_probability))
    canvas.text((x, y + 32), said, 16, within=width - 2 * _PAD)
    for n, oa_class in enumerate(OAClass):
        top = y + 70 + n * _LINE
        _draw_bar(
            canvas, texts.term(oa_class), knee.class_probabilities[oa_class], (x, top), width - 2 * _PAD
        )


def draw_cartilage(canvas: Canvas, knee: KneeResult, texts: Texts, at: tuple[int, int], width: int) -> None:
    """Predicted MOAKS scores, each with its standard deviation."""
    x, y = _panel(canvas, at, width, texts.of("picture.cartilage"))
    for n, (region, score) in enumerate(knee.cartilage.items()):
        top = y + n * _LINE
        canvas.text((x, top), _capitalised(texts.term(region)), 16)
        value = f"{score.value:.1f} ± {score.sd:.1f}"
        canvas.text((x + width - 2 * _PAD, top), value, 16, anchor="ra")


def draw_bones(canvas: Canvas, knee: KneeResult, texts: Texts, at: tuple[int, int], width: int) -> None:
    """A table: for each bone the mean and standard deviation over its subregions, and the volume."""
    x, y = _panel(canvas, at, width, texts.of("picture.bones"))
    last = x + width - 2 * _PAD
    ends = [last - n * 220 for n in reversed(range(len(knee.bones)))]
    heads = ["", *(_capitalised(texts.term(bone.bone)) for bone in knee.bones)]
    _draw_row(canvas, x, ends, heads, y - 2, FAINT)
    canvas.line((x, y + 22), (last, y + 22), RULE)
    for n, parameter in enumerate(Parameter):
        name = f"{parameter.value}  ({unit_name(parameter, texts)})"
        values = [f"{bone.mean[parameter]:.3f} ± {bone.sd[parameter]:.3f}" for bone in knee.bones]
        _draw_row(canvas, x, ends, [name, *values], y + 30 + n * 24, INK)
    volumes = [f"{texts.of('names.volume')}  (cm³)", *map(_volume, knee.bones)]
    _draw_row(canvas, x, ends, volumes, y + 30 + 4 * 24, INK)


def draw_reasons(
    canvas: Canvas, knee: KneeResult, templates: Templates, at: tuple[int, int], width: int
) -> None:
    """The reference's probability, and the strongest reasons why that of this knee is higher."""
    texts = templates.texts
    x, y = _panel(canvas, at, width, texts.of("picture.reasons"))
    last = x + width - 2 * _PAD
    reference = knee.explanation.reference_probability
    canvas.text((x, y), texts.of("picture.reference"), 16, within=width - 2 * _PAD - 50)
    canvas.text((last, y), probability(reference), 16, anchor="ra")
    for n, reason in enumerate(knee.explanation.raising(MOST)):
        top = y + 30 + n * 42
        canvas.text((x, top), _capitalised(change_of(reason, templates)), 16)
        canvas.text((last, top), f"{reason.contribution:+.2f}", 16, anchor="ra")
        canvas.text((x, top + 20), texts.term(reason.compartment), 14, colour=FAINT)


def _capitalised(text: str) -> str:
    """The first letter large, the others as they are: nouns of other languages keep theirs."""
    return text[:1].upper() + text[1:]


def _volume(bone: BoneSummary) -> str:
    return f"{bone.volume / 1000:.1f}"


def _panel(canvas: Canvas, at: tuple[int, int], width: int, title: str) -> tuple[int, int]:
    """A panel with its title; gives the place of its content."""
    x, y = at
    canvas.box(at, (width, PANEL_HEIGHT))
    canvas.text((x + _PAD, y + 12), title, 15, colour=FAINT, within=width - 2 * _PAD)
    return x + _PAD, y + 44


def _draw_row(canvas: Canvas, x: int, ends: list[int], texts: list[str], y: int, colour: Colour) -> None:
    """The first text starts at x, each other one ends at its place."""
    canvas.text((x, y), texts[0], 16, colour=colour)
    for end, text in zip(ends, texts[1:], strict=True):
        canvas.text((end, y), text, 16, colour=colour, anchor="ra")


def _draw_bar(canvas: Canvas, name: str, part: float, at: tuple[int, int], width: int) -> None:
    x, y = at
    start, full = x + 100, width - 160
    canvas.text((x, y), name, 16, within=start - x - 6)
    canvas.box((start, y + 3), (full, 15), RULE, radius=3)
    filled = round(full * min(max(part, 0.0), 1.0))
    if filled > 0:
        canvas.box((start, y + 3), (max(filled, 2), 15), ACCENT, radius=1 if filled < 8 else 3)
    canvas.text((x + width, y), probability(part), 16, anchor="ra")
