"""`ctsma-train`: build the models that the node runs, stage by stage. One module for each kind of command."""

from trainer.cli import (
    cohort,
    distillation,
    familiarity,
    morphometry,
    patches,
    patients,
    phantom,
    realism,
    registration,
    regression,
    reproduce,
    shapes,
    stages,
    synthesis,
)
from trainer.cli.app import app

__all__ = [
    "app",
    "cohort",
    "distillation",
    "familiarity",
    "morphometry",
    "patches",
    "patients",
    "phantom",
    "realism",
    "registration",
    "regression",
    "reproduce",
    "shapes",
    "stages",
    "synthesis",
]
