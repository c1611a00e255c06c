"""Run by torchrun in two processes: trains at once and in two parts; says whether all weights are alike."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.unit.trainer.synthesis.scenes import pair, settings
from trainer.fabric import launched
from trainer.synthesis.batches import Batches
from trainer.synthesis.loop import train
from trainer.synthesis.settings import Method
from trainer.synthesis.training import Training


def main(out: Path) -> None:
    fabric = launched()
    chosen = settings(Method.CYCLEGAN, steps=4)
    ends = []
    for name, parts in (("whole", (None,)), ("parts", (2, None))):
        folder = out / name
        folder.mkdir(exist_ok=True)
        fabric.barrier()
        for until in parts:
            batches = Batches([pair(n, fold=1) for n in range(2)], chosen.batch, chosen.seed)
            training = Training(fabric, chosen, batches)
            train(training, folder, [pair(7)], until=until)
        weights = [p.detach().flatten() for p in training.plain_translators.parameters()]
        everywhere = fabric.all_gather(torch.cat(weights))
        assert isinstance(everywhere, torch.Tensor)
        ends.append(everywhere)
    if fabric.is_global_zero:
        same = torch.equal(ends[0], ends[1]) and torch.equal(ends[0][0], ends[0][1])
        (out / "said").write_text(f"{fabric.world_size} processes, {'alike' if same else 'different'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
