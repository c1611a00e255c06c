"""The device that a training runs on: a CPU, a GPU, or several by torchrun."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"] | None] = {
    "single": "32-true",
    "mixed": "bf16-mixed",
    "auto": None,
}
"""As Fabric has them; `auto` is mixed on a GPU that has bfloat16. Losses are always in single precision."""
_PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one, which prepares what all of them read."""


def launched(precision: str = "auto") -> Fabric:
    """One device, or those that torchrun started processes for; `precision` is a key of PRECISIONS."""
    world, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    halved = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    fabric = Fabric(
        devices=local,
        num_nodes=max(1, world // local),
        strategy=DDPStrategy(timeout=_PATIENCE) if world > 1 else "auto",
        precision=PRECISIONS[precision] or ("bf16-mixed" if halved else "32-true"),
    )
    fabric.launch()
    return fabric
