"""The steps of the chain on one series, without a ledger: what `analyse` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ctsma_node.analysis.result import AnalysisResult
from ctsma_node.config.settings import Settings
from ctsma_node.gate import GateSettings
from ctsma_node.report import write_object
from ctsma_node.report.picture import render
from ctsma_node.worker import steps
from ctsma_node.worker.earlier import OBJECTS, PICTURE


@dataclass(frozen=True)
class Single:
    """What was made of a series."""

    result: AnalysisResult
    objects: tuple[Path, ...]
    picture: Path


def analyse_series(
    paths: Sequence[Path],
    settings: Settings,
    analyser: steps.Analyses,
    target: Path,
    progress: steps.Progress = lambda stage, share: None,
) -> Single:
    """Assemble, judge, analyse and report; the objects go to `target`/dicom, the picture beside them.

    Raises Refused; InvalidResult where an object fails the node's checks, with the objects left to look at.
    """
    progress("assemble", 0.0)
    accepted = steps.accept(paths, GateSettings.model_validate(settings.gate.model_dump()))
    result = steps.analyse(analyser, accepted, lambda stage, share: progress(stage, 0.2 + 0.6 * share))
    progress("report", 0.8)
    objects = steps.report(result, accepted.series, settings)
    (target / OBJECTS).mkdir(parents=True, exist_ok=True)
    written = []
    for number, obj in enumerate(objects):
        progress("write", 0.9 + 0.1 * number / len(objects))
        written.append(target / OBJECTS / obj.file_name)
        written[-1].unlink(missing_ok=True)  # of an earlier run
        write_object(obj, written[-1])
    steps.validate(written, result, accepted.series)
    picture = target / PICTURE
    Image.fromarray(render(result, settings.report.language)).save(picture)
    return Single(result, tuple(written), picture)
