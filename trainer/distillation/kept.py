"""A network in a file, with the scale that it answers in."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ctsma_node.errors import SettingsError
from trainer.distillation.networks import Regressor
from trainer.distillation.scale import Scale

_SCALE = "scale"
"""In the file's metadata: means and deviations of the four logs."""


def keep(path: Path, network: Regressor, scale: Scale) -> None:
    """Write both to `path`, whole or not at all."""
    part = path.with_suffix(".part")
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    written = json.dumps({"mean": scale.mean.tolist(), "sd": scale.sd.tolist()})
    save_file(state, part, metadata={_SCALE: written})
    part.replace(path)


def recall(path: Path, network: Regressor) -> Scale:
    """Fill `network` from `path`; returns its scale. Raises SettingsError where the file has none."""
    with safe_open(path, framework="pt") as file:
        written = (file.metadata() or {}).get(_SCALE)
    if written is None:
        raise SettingsError(f"{path} does not say in which scale it answers: delete it, and train it again")
    network.load_state_dict(load_file(path))
    return Scale(**{name: torch.tensor(values) for name, values in json.loads(written).items()})
