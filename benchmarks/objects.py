"""Processor time to build and write each object of one knee, and its size; then the whole set that is sent.

A made-up knee of 2 x 100 subregions and a source of 450 slices, on one thread, with Python's collector as the
worker sets it. Processor time, since others use the disk and the cores; the set's time by the clock stands
below it. Aimed at: under 1.5 s and 50 MB a set.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, Side
from ctsma_node.report import NodeIdentity, build_set, write_object
from ctsma_node.report.basis import Basis, basis_of, series_origin
from ctsma_node.report.set import MAKERS
from ctsma_node.worker.service import spare_the_collector
from tests.unit.report.knee_results import analysis, source_headers

RUNS = 7
"""The first of them is not counted."""
SLICES = 450
NODE = NodeIdentity("ctsma-node", "CT-SMA node", "0", "benchmark")


def main() -> None:
    """Print milliseconds and megabytes of each kind of object, and of the set."""
    result, headers = analysis(Side.LEFT), source_headers(SLICES)
    spare_the_collector()
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    megabytes: dict[str, float] = {}
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            _time_kinds(_basis(result, headers), Path(folder), seconds, megabytes)
        with tempfile.TemporaryDirectory() as folder:
            _time_set(result, headers, Path(folder), seconds, megabytes)
    print(f"{RUNS - 1} runs; build and write, milliseconds of one core: minimum, median, maximum")
    for name, values in seconds.items():
        size = f"{megabytes[name]:8.3f} MB" if name in megabytes else ""
        print(f"{name:24s} {_range(values):>18s} {size}")


def _basis(result: AnalysisResult, headers: Sequence[Dataset]) -> Basis:
    """Made anew for each run, so that nothing of the last is still at hand."""
    origin = series_origin(headers, NODE, "benchmark 1", result.bundle_digest, 1, "en")
    return basis_of(origin, result, result.knees[0], ())


def _time_kinds(
    basis: Basis, folder: Path, seconds: defaultdict[str, list[float]], megabytes: dict[str, float]
) -> None:
    for kind, make in MAKERS.items():
        started = time.process_time()
        for number, ds in enumerate(make(basis)):
            dcmwrite(folder / f"{kind}-{number}", ds, enforce_file_format=True)
        seconds[kind].append(time.process_time() - started)
        megabytes[kind] = _size(folder, f"{kind}-*")


def _time_set(
    result: AnalysisResult,
    headers: Sequence[Dataset],
    folder: Path,
    seconds: defaultdict[str, list[float]],
    megabytes: dict[str, float],
) -> None:
    """The kinds that a destination gets which does not choose: no label map, a selection of the rest."""
    started, by_the_clock = time.process_time(), time.perf_counter()
    for obj in build_set(result, headers, node=NODE):
        write_object(obj, folder / obj.file_name)
    seconds["the set"].append(time.process_time() - started)
    seconds["the set, by the clock"].append(time.perf_counter() - by_the_clock)
    megabytes["the set"] = _size(folder, "*")


def _size(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6


def _range(values: Sequence[float]) -> str:
    counted = [1000 * value for value in values[1:]]
    return f"{min(counted):.0f} {statistics.median(counted):.0f} {max(counted):.0f}"
