"""What has been run: commands, seconds, exit codes and versions, for a later run to go on from."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctsma_node import __version__
from ctsma_node.errors import SettingsError
from trainer.reproduce.step import Step

FILE = "reproduce.json"
_LIBRARIES = ("torch", "numpy", "monai", "scikit-learn", "antspyx", "zarr")


class Entry(BaseModel):
    """A step as it was last run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    making: str
    """Step.making of it."""
    exit_code: int
    """Of the process; negative: the signal that ended it."""
    seconds: float
    """Of the last run alone."""
    began: str
    """Local time, ISO 8601."""
    log: str
    """Below the folder."""


class Machine(BaseModel):
    """On what, and by which versions."""

    model_config = ConfigDict(extra="forbid")

    python: str = Field(default_factory=platform.python_version)
    system: str = Field(default_factory=platform.platform)
    cores: int = Field(default_factory=lambda: os.cpu_count() or 1)
    versions: dict[str, str] = Field(
        default_factory=lambda: {"ctsma-node": __version__, **{name: version(name) for name in _LIBRARIES}}
    )


class Content(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    format: int = 1
    scale: str
    subjects: int
    machine: Machine = Field(default_factory=Machine)
    steps: dict[str, Entry] = {}


@dataclass
class Record:
    """The file in `folder`, and what it says."""

    folder: Path
    content: Content

    @classmethod
    def of(cls, folder: Path, scale: str, subjects: int) -> Record:
        """The record of a folder, begun where there is none.

        Raises SettingsError where the folder holds a reproduction of another scale, or no readable record.
        """
        path = folder / FILE
        if not path.exists():
            return cls(folder, Content(scale=scale, subjects=subjects))
        try:
            content = Content.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise SettingsError(f"{path} cannot be read: name another --out, or remove it") from error
        if content.scale != scale:
            raise SettingsError(f"{folder} holds a {content.scale} run: name another --out for a {scale} one")
        return cls(folder, content)

    def keep(self, step: Step, entry: Entry) -> None:
        """Write down how a step ended; the file appears whole or not at all."""
        self.content = self.content.model_copy(
            update={"machine": Machine(), "steps": {**self.content.steps, step.name: entry}}
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{FILE}.part"
        part.write_text(json.dumps(self.content.model_dump(), indent=1) + "\n", encoding="utf-8")
        part.replace(self.folder / FILE)

    def of_step(self, step: Step) -> Entry | None:
        """How it ended last; None where it never did."""
        return self.content.steps.get(step.name)

    def is_done(self, step: Step) -> bool:
        """Whether this very command has ended well, and what it made is still there."""
        entry = self.of_step(step)
        ended_well = entry is not None and entry.exit_code == 0 and entry.making == step.making
        return ended_well and not step.missing()
