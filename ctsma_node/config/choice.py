"""`[choice]` of node.toml: which of a study's series is analysed."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ctsma_node.config.section import Name, Section

Plane = Literal["axial", "sagittal", "coronal", "oblique"]
Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _pattern(text: str) -> str:
    """A regular expression as Python's `re` knows it."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from None
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_pattern)]


class RuleSettings(Section):
    """`[[choice.rules]]`: what is done with series like these; every condition that is given must hold."""

    name: Name
    action: Literal["analyse", "prefer", "exclude"]
    description: Pattern | None = None  # Series Description (0008,103E)
    body_part: Pattern | None = None  # Body Part Examined (0018,0015), Anatomic Region (0008,2218)
    kernel: Pattern | None = None  # Convolution Kernel (0018,1210)
    image_type: Pattern | None = None  # Image Type (0008,0008), its values joined by backslashes
    orientation: tuple[Plane, ...] = ()  # any of these; none: whatever it is
    min_spacing_mm: Millimetres | None = None  # between slices
    max_spacing_mm: Millimetres | None = None
    min_thickness_mm: Millimetres | None = None  # Slice Thickness (0018,0050)
    max_thickness_mm: Millimetres | None = None


class ChoiceSettings(Section):
    """`[choice]`: one series of each knee, or all; how long a better one is waited for; the site's rules."""

    best_only: bool = True
    study_quiet_s: Annotated[float, Field(ge=0, le=86400)] = 0.0  # 0: a complete series waits for no study
    sibling_wait_s: Annotated[float, Field(ge=0, le=86400)] = 300.0  # for a better one that is coming in
    rules: tuple[RuleSettings, ...] = ()  # the first one that matches counts

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        return self
