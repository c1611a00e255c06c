"""A training's whole state in one file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctsma_node.errors import SettingsError
from trainer.synthesis.settings import SynthesisSettings

if TYPE_CHECKING:
    from trainer.synthesis.training import Training

CHECKPOINT = "checkpoint.ckpt"
_POOLS = ("ct_pool", "mr_pool")


def save(training: Training, step: int, folder: Path) -> None:
    """Write `folder`/checkpoint.ckpt after `step` steps; whole or not at all. Every process calls it."""
    fabric = training.fabric
    pools = {name: training.pools[name].images for name in _POOLS}
    state = {
        **_parts(training),
        "step": step,
        "settings": _plain(training.settings),
        **_seen(training),
        # Each process has its own: (processes, n, C, H, W).
        **{name: _gathered(training, images) for name, images in pools.items()},
    }
    part = folder / f"{CHECKPOINT}.part"
    fabric.save(part, state)
    if fabric.is_global_zero:
        part.replace(folder / CHECKPOINT)
    fabric.barrier()


def restore(training: Training, folder: Path) -> int:
    """Bring a training to its checkpoint; returns the steps done, 0 where there is none.

    Raises SettingsError where the checkpoint cannot be read, is of other settings, of other pairs or other
    slices of them: a network that was trained on what is held out now would be judged by what it has seen.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    fabric = training.fabric
    state: dict[str, Any] = _parts(training)
    try:
        rest = fabric.load(path, state, weights_only=True)
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":  # of a module that nothing here may import
            raise
        raise SettingsError(  # the library's own text advises to load whatever is in it
            f"{path} cannot be read: delete it, and the training begins anew, or name another --out"
        ) from error
    if why := _of_another_making(rest, training):
        raise SettingsError(
            f"{path} {why}: go back to what it was made of, name another --out, or delete the folder"
        )
    for name in _POOLS:
        if rest[name] is not None:
            every = rest[name]
            training.pools[name].images = every[fabric.global_rank % len(every)].to(fabric.device).clone()
    return int(rest["step"])


def _of_another_making(kept: dict[str, Any], training: Training) -> str:
    """In what a checkpoint differs from what is asked for; "" for nothing."""
    wanted, seen = _plain(training.settings), _seen(training)
    if changed := [name for name, value in wanted.items() if kept["settings"].get(name) != value]:
        return f"was trained with other settings ({', '.join(changed)})"
    if not kept.keys() >= seen.keys():
        return "does not say which pairs it was trained on"
    if kept["pairs"] != seen["pairs"]:
        return f"was trained on other pairs ({len(kept['pairs'])}, now {len(seen['pairs'])})"
    return "" if kept["slices"] == seen["slices"] else "was trained on other slices of these pairs"


def _seen(training: Training) -> dict[str, Any]:
    """What the networks have learned from."""
    batches = training.batches
    return {"pairs": sorted(pair.pair_id for pair in batches.pairs), "slices": batches.digest}


def _parts(training: Training) -> dict[str, Any]:
    """What holds weights or moments."""
    return {
        "translators": training.translators,
        "critics": training.critics,
        "translator_optimiser": training.translator_optimiser,
        "critic_optimiser": training.critic_optimiser,
    }


def _gathered(training: Training, images: torch.Tensor | None) -> torch.Tensor | None:
    if images is None:
        return None
    every = training.fabric.all_gather(images)
    assert isinstance(every, torch.Tensor)
    return every[None] if training.fabric.world_size == 1 else every


def _plain(settings: SynthesisSettings) -> dict[str, Any]:
    """Settings as a checkpoint can hold them: without classes, also where a command line's choice is one."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain
