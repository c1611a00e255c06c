"""A trained system at work: an MR to a synthesised CT (sCT)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ctsma_node.analysis.grid import AIR
from ctsma_node.errors import SettingsError
from ctsma_node.volume import Array, CTVolume
from trainer.mr import MRVolume
from trainer.synthesis.grid import F32, SliceGrid, hu_of
from trainer.synthesis.settings import STACK, Method, SynthesisSettings, Weights
from trainer.synthesis.slices import moved
from trainer.synthesis.systems import build
from trainer.synthesis.translators import Translators

WEIGHTS, SETTINGS = "translators.safetensors", "synthesis.json"
_BATCH = 8


@dataclass(frozen=True, eq=False)
class Synthesiser:
    """Translators with the settings they were trained with."""

    translators: Translators
    settings: SynthesisSettings
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Synthesiser:
        """Read what `ctsma-train synthesis` wrote. Raises SettingsError where nothing is."""
        try:
            settings = settings_from(json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
            weights = load_file(folder / WEIGHTS)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"{folder}: no trained synthesis ({error}); make it with: ctsma-train synthesis"
            ) from error
        translators, _ = build(settings)
        translators.load_state_dict(weights)
        return cls(translators.to(device).eval(), settings, torch.device(device))

    @property
    def grid(self) -> SliceGrid:
        """What it was trained on, and works on."""
        return SliceGrid(self.settings.pixels)

    def save(self, folder: Path) -> None:
        """Write weights and settings."""
        weights = {name: value.detach().cpu() for name, value in self.translators.state_dict().items()}
        save_file({name: value.contiguous() for name, value in weights.items()}, folder / WEIGHTS)
        (folder / SETTINGS).write_text(json.dumps(asdict(self.settings), indent=1) + "\n", encoding="utf-8")

    def volume(self, mr: MRVolume, ct_to_mr: Array, centre: Array) -> CTVolume:
        """The sCT of an MR in the frame of its CT, on `grid` around `centre` (LPS mm); air where no MR is.

        `ct_to_mr` (4 x 4) takes LPS mm of the CT to LPS mm of the MR: the coarse registration.
        """
        affine = self.grid.affine(centre)
        signal, covered = moved(mr, ct_to_mr, affine, self.grid.size)
        hu = hu_of(self.scaled(signal))
        return CTVolume(np.where(covered, hu, np.float32(AIR)), affine)

    @torch.inference_mode()
    def scaled(self, signal: F32) -> F32:
        """sCT [k, j, i] of a crMR [k, j, i], both in [-1, 1].

        Each slice is in three stacks, but the first and the last in two; its value is their mean.
        """
        padded = np.pad(signal, ((1, 1), (0, 0), (0, 0)), mode="edge")
        total = np.zeros(padded.shape, dtype=np.float32)
        seen = np.zeros((len(padded), 1, 1), dtype=np.float32)
        for first in range(0, len(signal), _BATCH):
            middles = range(first, min(first + _BATCH, len(signal)))
            stacks = np.stack([padded[k : k + STACK] for k in middles])
            made = self.translators.translate(torch.from_numpy(stacks).float().to(self.device))
            for k, stack in zip(middles, made.cpu().numpy(), strict=True):
                total[k : k + STACK] += stack
                seen[k : k + STACK] += 1.0
        return np.asarray((total / seen)[1:-1])


def weights_digest(folder: Path) -> str:
    """SHA-256 of a trained synthesis. Raises SettingsError where there is none."""
    try:
        return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(
            f"{folder}: no trained synthesis ({error}); make it with: ctsma-train synthesis"
        ) from error


def settings_from(plain: dict[str, Any]) -> SynthesisSettings:
    """Settings from what asdict made of them."""
    return SynthesisSettings(
        **plain
        | {
            "method": Method(plain["method"]),
            "weights": Weights(**plain["weights"]),
            "held_out": tuple(plain["held_out"]),
        }
    )
