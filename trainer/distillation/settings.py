"""What teacher and student are trained with: one file of settings for both, or a preset."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctsma_node.errors import SettingsError


class Form(StrEnum):
    """How the networks are built."""

    LIGHT = "light"
    """A small 3D trunk of three depths; what CPUs train in minutes."""
    JOINED = "joined"
    """The light trunk beside texture statistics of the patch and the noise of its scan."""
    KNEE = "knee"
    """The same, told of the means of the whole knee's statistics: the student that ships."""
    NATIVE = "native"
    """A light student that sees the CT at its own resolution."""
    PAPER = "paper"
    """Residual 3D blocks and a 3D ResNet-50 (paper, section 3.2; the authors' code)."""
    PREPRINT = "preprint"
    """A 2D ResNet-50 whose channels are the slices (preprint)."""


class LossWeights(BaseModel):
    """Of the student's losses; 0 leaves one out.

    The paper prints none. These won on validation folds (benchmarks/results/regression.md); its own two terms
    are prediction and feature.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    supervised: float = Field(default=1.0, ge=0.0)
    """The labels of the MR."""
    prediction: float = Field(default=1.0, ge=0.0)
    """L2 of student's and teacher's answers."""
    feature: float = Field(default=0.0, ge=0.0)
    """L1 of their features at matching depths."""
    relation: float = Field(default=1.0, ge=0.0)
    """Distances between the patches of a batch, as student and teacher see them (Park et al. 2019)."""
    contrast: float = Field(default=0.0, ge=0.0)
    """Which MR patch belongs to which CT patch (InfoNCE; van den Oord et al. 2018, Tian et al. 2020)."""


NO_TEACHER = LossWeights(prediction=0.0, feature=0.0, relation=0.0)
PAPER = LossWeights(prediction=1.0, feature=1.0, relation=0.0)
"""The paper's two terms; these two weights, too, are those that did best on validation folds."""


class RegressionSettings(BaseModel):
    """Sizes, lengths and weights; the same for teacher, student and plain CNN unless a name says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Form = Form.LIGHT
    width: int = Field(default=16, ge=1)
    """Channels of the first depth."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    batch: int = Field(default=128, ge=2)
    steps: int = Field(default=1200, ge=1)
    """Of the student and the plain CNN."""
    teacher_steps: int = Field(default=800, ge=1)
    rate: float = Field(default=3e-3, gt=0.0)
    """Highest learning rate of one cycle; the paper's form has a constant one."""
    constant_rate: bool = False
    weight_decay: float = Field(default=1e-4, ge=0.0)
    """Paper, section 4.2."""
    flips: bool = True
    augment: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the CTs that are shown as another protocol would have left them."""
    weights: LossWeights = LossWeights()
    precision: Literal["auto", "single", "mixed"] = "auto"
    few: int | None = Field(default=None, ge=2)
    """Pairs of the training folds that are used; all without."""
    labelled: int | None = Field(default=None, ge=2)
    """Those of them whose labels are used; of the others a student learns from its teacher alone."""
    label_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviations of each parameter that are added to the labels: a condition of an experiment."""
    seed: int = 1

    def few_labels(self) -> int | None:
        """Pairs whose labels are used."""
        return min((n for n in (self.few, self.labelled) if n is not None), default=None)

    def for_teacher(self) -> RegressionSettings:
        """Of everything else, nothing that a teacher has no use for."""
        return self.model_copy(update={"steps": self.teacher_steps, "weights": NO_TEACHER})


_PRESETS: dict[str, dict[str, Any]] = {
    "quick": {},
    # Table 3: 50 epochs at 3e-4; 64 pairs of 300 patches in batches of 8, as the authors' code has them.
    "paper": {
        "form": Form.PAPER,
        "width": 64,
        "dropout": 0.5,
        "batch": 8,
        "steps": 120_000,
        "teacher_steps": 120_000,
        "rate": 3e-4,
        "constant_rate": True,
        "weights": PAPER,
    },
}
PRESETS = tuple(_PRESETS)


def settings_of(preset: str = "quick", path: Path | None = None, **changes: Any) -> RegressionSettings:
    """A preset, changed by a TOML file, changed by arguments that are not None.

    Raises SettingsError naming the file and the key that cannot be.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
        given = {name: value for name, value in changes.items() if value is not None}
        return RegressionSettings(**_PRESETS[preset] | written | given)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{path or 'settings'}: {faults}") from error
