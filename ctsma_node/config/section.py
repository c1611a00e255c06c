"""What the sections of node.toml have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
"""Of a destination or a rule: fit for a file name, a log and a label."""
Name = Annotated[str, Field(pattern=NAME.pattern)]


class Section(BaseModel):
    """A section of node.toml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
