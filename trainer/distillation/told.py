"""What people are told of trainings: a bar for each network, its losses in TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.progress import Progress
from torch.utils.tensorboard import SummaryWriter

from trainer.distillation.fit import Say

LOG = "log"
"""Folder of the TensorBoard files, one below it for each network."""


class Told:
    """`told(name)` is the `Say` of the network of that name; closes its files at the end."""

    def __init__(self, bar: Progress, log: Path, steps: int) -> None:
        self.bar, self.log, self.steps = bar, log, steps
        self.silent = False
        self._writers: list[SummaryWriter] = []

    def __enter__(self) -> Told:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.close()

    def __call__(self, name: str) -> Say:
        """A bar; in a log file a line when the network is done."""
        task = self.bar.add_task(name, total=self.steps, note="")
        writer: SummaryWriter | None = None

        def say(done: int, losses: dict[str, float]) -> None:
            nonlocal writer
            if self.silent:
                return
            if writer is None:
                # What a broken-off run wrote beyond its last checkpoint is written again.
                writer = SummaryWriter(str(self.log / name), purge_step=done)
                self._writers.append(writer)
            for key, value in losses.items():
                writer.add_scalar(key, value, done)
            note = " ".join(f"{key} {value:.3f}" for key, value in losses.items())
            self.bar.update(task, completed=done, note=note)
            if done == self.steps and not self.bar.console.is_terminal:
                self.bar.console.print(f"{name}: {note}", highlight=False)

        return say
