"""Drawing on a page: text in one font, panels, bars. The same calls give the same pixels."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

BACKGROUND: Colour = (14, 17, 22)
PANEL: Colour = (26, 31, 39)
RULE: Colour = (58, 66, 78)
INK: Colour = (236, 239, 244)
FAINT: Colour = (154, 165, 180)
WARNING: Colour = (255, 176, 32)
ACCENT: Colour = (102, 178, 255)

_SMALLEST = 12
"""The least size of a text that was made smaller to fit."""


class Canvas:
    """A page under construction; coordinates are pixels from its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """RGB [row, column, 3]."""
        return np.asarray(self.image).copy()

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: int = 15,
        *,
        colour: Colour = INK,
        bold: bool = False,
        anchor: str = "la",
        within: float = math.inf,
    ) -> None:
        """A line of text; `anchor` as in Pillow: horizontal l m r, vertical a (ascender) m s (baseline).

        One that is wider than `within` pixels is set smaller, and what then does not fit is left out.
        """
        size, text = self._fitted(text, size, bold, within)
        self._draw.text(at, text, fill=colour, font=_font(size, bold), anchor=anchor)

    def text_width(self, text: str, size: int = 15, *, bold: bool = False) -> float:
        """Width of a line of text in pixels."""
        return _font(size, bold).getlength(text)

    def box(
        self, at: tuple[int, int], size: tuple[int, int], colour: Colour = PANEL, radius: int = 6
    ) -> None:
        """A filled rectangle with round corners."""
        (x, y), (width, height) = at, size
        self._draw.rounded_rectangle((x, y, x + width - 1, y + height - 1), radius, fill=colour)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour = RULE) -> None:
        """A thin line."""
        self._draw.line((*start, *end), fill=colour, width=1)

    def paste(self, picture: Image.Image, at: tuple[int, int]) -> None:
        """A picture with its upper left corner at a place."""
        self.image.paste(picture, at)

    def label(self, at: tuple[int, int], text: str, anchor: str) -> None:
        """An orientation letter on a picture, legible on any grey."""
        self._draw.text(
            at, text, fill=INK, font=_font(14, True), anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0)
        )

    def _fitted(self, text: str, size: int, bold: bool, within: float) -> tuple[int, str]:
        while size > _SMALLEST and self.text_width(text, size, bold=bold) > within:
            size -= 1
        shown = text
        while len(shown) > 1 and self.text_width(shown, size, bold=bold) > within:
            shown = shown.rstrip("…")[:-1].rstrip() + "…"
        return size, shown


def wrapped(canvas: Canvas, text: str, width: float, size: int) -> list[str]:
    """Lines of a text that are no wider than `width` pixels; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and canvas.text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@lru_cache(maxsize=32)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib ships, so that a page looks alike on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
