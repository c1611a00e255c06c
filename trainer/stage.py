"""What every stage shares: items made in parallel and kept, and a manifest beside them.

A stage reads one folder and writes the next. Made items are skipped, so that a stage that was stopped goes
on where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")
R = TypeVar("R")

MANIFEST = "stage.json"
_PART = ".part.npz"
"""How the name of an item ends that is not whole yet."""
_SILENCE = 20.0
"""Seconds between two lines of a log."""
_LIBRARIES = ("torch", "numpy", "monai", "scikit-learn")


class _Bar(Progress):
    """In a log, where nothing moves, a line now and then."""

    _said = 0.0

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As in `Progress`."""
        super().update(task_id, **changes)
        if not (self.disable or self.console.is_terminal) and monotonic() - self._said > _SILENCE:
            self._said = monotonic()
            task = next(each for each in self.tasks if each.id == task_id)
            total = "" if task.total is None else f" of {task.total:g}"
            line = f"{task.description}: {task.completed:g}{total} {task.fields.get('note', '')}"
            self.console.print(line, markup=False, highlight=False)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As in `Progress`."""
        self.update(task_id, advance=advance)


def progress() -> Progress:
    """The progress bar of long work."""
    return _Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )


def make_items(
    title: str, make: Callable[[int], dict[str, Any]], seeds: Sequence[int], folder: Path, jobs: int
) -> list[Path]:
    """`make(seed)` gives named arrays; each seed's are kept as `folder/SEED.npz`. Returns all paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [item_path(folder, seed) for seed in seeds]
    missing = [(s, p) for s, p in zip(seeds, paths, strict=True) if not p.exists()]
    with progress() as bar:
        task = bar.add_task(title, total=len(paths), completed=len(paths) - len(missing), note="")
        for _ in side_by_side(partial(_make_one, make), missing, jobs):
            bar.advance(task)
    return paths


def item_path(folder: Path, seed: int) -> Path:
    """Where a seed's item is kept."""
    return folder / f"{seed:06d}.npz"


def kept_items(folder: Path) -> list[Path]:
    """What `make_items` has made in a folder, by seed; without what a killed process was writing."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.endswith(_PART))


def side_by_side(
    make: Callable[[T], R], items: Sequence[T], jobs: int, initializer: Callable[[], None] | None = None
) -> Iterator[R]:
    """`make(item)` of every item, as they are done, in `jobs` processes of one thread each.

    With one job they are made here, in order. An error in one ends the others.
    """
    if jobs <= 1:
        for item in items:
            yield make(item)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=initializer or _one_thread) as pool:
        try:
            for done in as_completed([pool.submit(make, item) for item in items]):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    """Processes side by side: one thread each."""
    import numba
    import torch

    numba.set_num_threads(1)
    torch.set_num_threads(1)


def _make_one(make: Callable[[int], dict[str, Any]], item: tuple[int, Path]) -> None:
    """A file appears whole or not at all."""
    seed, path = item
    part = path.with_suffix(f".{os.getpid()}{_PART}")
    np.savez_compressed(part, **make(seed))
    part.rename(path)


def write_manifest(folder: Path, settings: dict[str, Any], inputs: Iterable[Path] = ()) -> None:
    """Write manifest() into the folder."""
    write_whole(folder / MANIFEST, manifest(settings, inputs))


def write_whole(path: Path, text: str) -> None:
    """What is killed, or finds the disk full, leaves the file as it was."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def manifest(settings: dict[str, Any], inputs: Iterable[Path] = ()) -> str:
    """Settings, digests of the inputs and versions, so that a stranger can make the same again."""
    content = {
        "settings": settings,
        "inputs": {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in _named(inputs).items()},
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
    }
    return json.dumps(content, indent=1, default=str) + "\n"


def _named(inputs: Iterable[Path]) -> dict[str, Path]:
    """Files by their path below the folder that holds all of them: two may have one name."""
    paths = [path.resolve() for path in inputs]
    common = os.path.commonpath([path.parent for path in paths]) if paths else ""
    return {path.relative_to(common).as_posix(): path for path in paths}
