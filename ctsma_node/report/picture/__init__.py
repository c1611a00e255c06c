"""A page for each knee that needs no special viewer: slices, maps, numbers, and what they may be used for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.report.picture.page import render_knee
from ctsma_node.report.templates import load_templates
from ctsma_node.report.texts import OWN

__all__ = ["render", "render_knee"]


def render(result: AnalysisResult, language: str = OWN) -> npt.NDArray[np.uint8]:
    """RGB [row, column, 3]: the pages of all analysed knees, one below the other."""
    templates = load_templates(language)
    return np.concatenate([render_knee(result, knee, templates) for knee in result.knees], axis=0)
