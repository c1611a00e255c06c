"""`ctsma-train`: build the models that the node runs, stage by stage. One module for each kind of command."""

from trainer.cli import phantom, stages
from trainer.cli.app import app

__all__ = ["app", "phantom", "stages"]
