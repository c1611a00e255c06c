"""What the stage is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trainer.cohort.settings import CohortSettings

Advance = Callable[[str, int, int], None]
"""Told of progress: what is done, how many of how many."""


@dataclass(frozen=True)
class CohortRequest:
    """What to read, and how."""

    archive: Path
    out: Path
    clinical: Path | None = None
    nifti_pairs: Path | None = None
    secret: Path | None = None
    """The site's secret; OUT/pseudonym.key where None."""
    keep_ids: bool = False
    verify: bool = False
    """Decode every pixel of every usable series."""
    jobs: int = 1
    settings: CohortSettings = field(default_factory=CohortSettings)
