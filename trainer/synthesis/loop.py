"""The steps of a training one after another: logged, kept, and gone on with."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from trainer.stage import progress
from trainer.synthesis import checkpoint
from trainer.synthesis.batches import Pair
from trainer.synthesis.pictures import Log
from trainer.synthesis.training import Training, checked, rate_at

LOG = "log"
_LOGGED = 10
"""Every so manieth step is logged: reading a loss makes a GPU wait."""
_SAVED = 1000
"""Steps at most between checkpoints and sample pictures; a quarter of a short training's."""


def train(training: Training, out: Path, held_out: list[Pair], until: int | None = None) -> None:
    """Train from the checkpoint in `out`, or from nothing, to step `until` (to the end where None)."""
    settings, fabric = training.settings, training.fabric
    last = settings.steps if until is None else until
    first = checkpoint.restore(training, out)
    log = Log(out / LOG, first, held_out) if fabric.is_global_zero else None
    every = max(1, min(_SAVED, settings.steps // 4))
    bar = progress()
    bar.disable = log is None
    with bar:
        task = bar.add_task(f"{settings.method}", total=last, completed=first, note="")
        for number in range(first, last):
            losses = training.step(number)
            done = number + 1
            kept = done % every == 0 or done == last
            if kept or number % _LOGGED == 0:
                values = checked(losses, number)
                bar.update(task, note=f"loss {values['total']:.2f}")
                if log:
                    log.losses(values, rate_at(number, settings), number)
            if kept:
                checkpoint.save(training, done, out)
                _say(bar, f"{settings.method}: {done} of {settings.steps} steps, loss {values['total']:.2f}")
            if kept and log:
                log.pictures(training.plain_translators, fabric.device, number)
            bar.advance(task)
    if log:
        log.close()


def _say(bar: Progress, line: str) -> None:
    """A bar is drawn on a terminal only: a log file gets a line now and then."""
    if not bar.disable and not bar.console.is_terminal:
        bar.console.print(line, highlight=False)
