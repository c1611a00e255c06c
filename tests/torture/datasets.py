"""Mutants of datasets, read as the receiver reads what arrives, and a share of them as the worker does.

Every mutant goes through the receiver's reading of headers, one in a hundred through assembling, the gate and
the decoding of pixels, as part of its series, and one in five hundred through the report that a series was
not analysed, with its validation. A refusal by its code may come of it, or a reading; any other exception is
a fault, and so are two seconds of processor time for one of these small files. What is drawn in a round
follows from the seed and the round's number alone.
"""

from __future__ import annotations

import resource
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import chain
from pathlib import Path
from random import Random

from pydicom.uid import CTImageStorage

from ctsma_node.assemble import read_series, to_volume
from ctsma_node.config import Settings
from ctsma_node.errors import InvalidResult, Refused
from ctsma_node.gate import GateSettings, accept_headers, accept_volume
from ctsma_node.receive.header import read_header
from ctsma_node.receive.part10 import preamble_and_meta
from ctsma_node.receive.refusal import Unfit
from ctsma_node.report.file import write_object
from ctsma_node.worker import steps
from tests.torture.damage import damaged, spliced
from tests.torture.dataset_seeds import Seed, corpus, seeds
from tests.torture.run import Run, Tally

SHORT, LONG = 5_000, 1_000_000

_ASSEMBLED, _EXPLAINED = 100, 500  # one in so many
_SLOW_S = 2.0
_MOST_MIB = 64.0
_FOCUS = 900  # bytes: the headers of most seeds
_LIMITS = GateSettings(min_slices=3, min_coverage_mm=0)


def torment(run: Run) -> None:
    """Make the mutants and read them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sources = seeds(), corpus()
        for source in chain(*sources):  # what is loaded at first use counts as there before
            with suppress(Refused):
                _assemble(source, 0, source.instances[0], run.folder)
        before = _peak_mib()
        for number in run.rounds():
            _read(run, number, *_mutant(sources, run.seed, number))
    grown = _peak_mib() - before
    run.tally.figure("memory, highest above the start", f"{grown:.0f} MiB")
    if grown > _MOST_MIB:
        run.tally.fault("memory", f"{grown:.0f} MiB more than at the start")


def _mutant(sources: tuple[list[Seed], list[Seed]], seed: int, number: int) -> tuple[Seed, int, bytes]:
    """A series, the number of one of its instances, and that instance damaged; one in four of the corpus."""
    draw = Random(seed << 40 | number)
    source = draw.choice(sources[draw.random() < 0.25])
    at = draw.randrange(len(source.instances))
    instance = source.instances[at]
    if draw.random() < 0.15:
        instance = spliced(instance, draw.choice(draw.choice(sources[0]).instances), draw)
    return source, at, damaged(instance, draw, _FOCUS)


def _read(run: Run, number: int, source: Seed, at: int, instance: bytes) -> None:
    """In the ways whose turn it is."""
    _watch(run.tally, number, "receiver", lambda: read_header(BytesIO(instance), source.syntax))
    if number % _ASSEMBLED == 0:
        _watch(run.tally, number, "worker", lambda: _assemble(source, at, instance, run.folder))
    if number % _EXPLAINED == 0:
        _watch(run.tally, number, "report", lambda: _explain(source, at, instance, run.folder))


def _assemble(source: Seed, at: int, instance: bytes, folder: Path) -> None:
    """The whole way from files to a volume that passed the gate; raises Refused."""
    series = read_series(_written(source, at, instance, folder))
    accept_headers(series, _LIMITS)
    accept_volume(to_volume(series), series, _LIMITS)


def _explain(source: Seed, at: int, instance: bytes, folder: Path) -> None:
    """The report that says why a series was not analysed; raises Refused."""
    series = read_series(_written(source, at, instance, folder))
    note = steps.note(Refused("too_few_slices", "Too few."), series, Settings(), "0" * 64)
    path = folder / "note.dcm"
    path.unlink(missing_ok=True)
    write_object(note, path)
    steps.validate([path], None, series)


def _written(source: Seed, at: int, instance: bytes, folder: Path) -> list[Path]:
    """The files of a series as the receiver writes them, one of them the mutant."""
    meta = preamble_and_meta(CTImageStorage, "1.2.3", source.syntax, "SOURCE", "CTSMA")
    paths = [folder / f"{number}.dcm" for number in range(len(source.instances))]
    for number, (path, content) in enumerate(zip(paths, source.instances, strict=True)):
        path.write_bytes(meta + (instance if number == at else content))
    return paths


def _watch(tally: Tally, number: int, who: str, read: Callable[[], object]) -> None:
    """Count what came of a mutant."""
    started = time.thread_time()
    tally.count(f"read by the {who}")
    try:
        read()
        outcome = "taken"
    except Unfit as unfit:
        outcome = unfit.refusal.code
    except Refused as refused:
        outcome = refused.code
    except InvalidResult as invalid:
        outcome = invalid.code
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        tally.fault("exception", f"round {number}, {who}: {error!r} in {where.filename}:{where.lineno}")
        return
    tally.count(f"{who}: {outcome}")
    if (took := time.thread_time() - started) > _SLOW_S:
        tally.fault("slow", f"round {number}, {who}: {took:.1f} s of processor time")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
