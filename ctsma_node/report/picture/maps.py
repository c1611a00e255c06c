"""The maps of a page: one for each parameter, and one of what each subregion adds to the probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from ctsma_node.analysis.result import KneeResult, Parameter
from ctsma_node.report.parametric_map import by_label
from ctsma_node.report.picture.numbers import unit_name
from ctsma_node.report.templates import Templates


def _ramp(name: str) -> npt.NDArray[np.uint8]:
    """256 colours, RGB."""
    return np.asarray((colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8))


COLOURS = _ramp("viridis")
"""They stay in order for every kind of colour vision and in grey."""
DIVERGING = _ramp("RdBu_r")
"""Blue below zero, red above; told apart by every common kind of colour vision."""


@dataclass(frozen=True)
class Map:
    """Values by label and how they are shown; `ticks` stand below the lowest, middle and highest colour."""

    title: str
    unit: str
    values: npt.NDArray[np.float32]  # (256,)
    limits: tuple[float, float]
    ticks: tuple[str, str, str]
    colours: npt.NDArray[np.uint8]  # (256, 3)


def maps_of(knee: KneeResult, templates: Templates) -> list[Map]:
    """In the order of their columns."""
    return [*(_parameter(knee, p, templates) for p in Parameter), _contribution(knee, templates)]


def _parameter(knee: KneeResult, parameter: Parameter, templates: Templates) -> Map:
    low, high = templates.display_range[parameter]
    ticks = (f"{low:.2f}", f"{(low + high) / 2:.2f}", f"{high:.2f}")
    values = by_label(knee, parameter)
    return Map(parameter.value, unit_name(parameter, templates.texts), values, (low, high), ticks, COLOURS)


def _contribution(knee: KneeResult, templates: Templates) -> Map:
    most = templates.most_contribution
    values = np.zeros(256, dtype=np.float32)
    for subregion in knee.subregions:
        values[subregion.label] = subregion.contribution
    texts = templates.texts
    ticks = (f"{-most:.2f} {texts.of('picture.lowers')}", "0", f"{texts.of('picture.raises')} {most:+.2f}")
    return Map(texts.of("picture.share"), "log-odds", values, (-most, most), ticks, DIVERGING)
