"""What the sections of node.toml have in common."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
"""Of a destination or a rule: fit for a file name, a log and a label."""
Name = Annotated[str, Field(pattern=NAME.pattern)]


class Section(BaseModel):
    """A section of node.toml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any, info: ValidationInfo) -> Any:
        """`port = true` is no port 1, and `instances_days = true` not a day."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        if isinstance(given, bool) and bool not in (annotation, *get_args(annotation)):
            raise ValueError("true and false are no value of it")
        return given
