"""All files of a tree read, side by side in processes where there are many."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainer.cohort.findings import Finding
from trainer.cohort.instance import Header, Instance
from trainer.cohort.read import read_instance
from trainer.cohort.walk import walk

NIFTI = (".nii", ".nii.gz")
_BATCH = 64
_WORTH_PROCESSES = 20 * _BATCH


@dataclass
class Scan:
    """What a tree holds: DICOM instances, NIfTI files (paths), and findings of everything else."""

    instances: list[Instance] = field(default_factory=list)
    nifti: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def scan(
    root: Path,
    jobs: int = 1,
    advance: Callable[[int, int], None] = lambda done, total: None,
    known: frozenset[str] = frozenset(),
) -> Scan:
    """Read the header of every file below `root`, in the order of their paths.

    `advance(done, total)` is told after each batch; `known` names files of other use (the clinical table),
    which are passed over. Raises FileNotFoundError or NotADirectoryError for a root that is no folder.
    """
    seen = walk(root)
    content = Scan(findings=seen.findings)
    files = [path for path in seen.files if path not in known]
    content.nifti = [path for path in files if path.lower().endswith(NIFTI)]
    others = sorted(set(files) - set(content.nifti))
    headers: dict[Header, Header] = {}
    for done, batch in enumerate(_read_all(root, others, jobs), start=1):
        for each in batch:
            if isinstance(each, Finding):
                content.findings.append(each)
            else:
                shared = headers.setdefault(each.header, each.header)  # one in memory for each series
                content.instances.append(replace(each, header=shared))
        advance(min(done * _BATCH, len(others)), len(others))
    return content


def _read_all(root: Path, files: Sequence[str], jobs: int) -> Iterator[list[Instance | Finding]]:
    batches = [files[at : at + _BATCH] for at in range(0, len(files), _BATCH)]
    if jobs <= 1 or len(files) < _WORTH_PROCESSES:
        for batch in batches:
            yield _read_batch(root, batch)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(_read_batch, [root] * len(batches), batches)


def _read_batch(root: Path, batch: Sequence[str]) -> list[Instance | Finding]:
    return [read_instance(root, path) for path in batch]
