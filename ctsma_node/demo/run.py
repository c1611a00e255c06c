"""The demonstration, stage by stage; it tells its stages to whoever runs it."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from ctsma_node.demo.node import PROGRAM, Node
from ctsma_node.demo.pacs import DemoError, Pacs, pacs_in
from ctsma_node.demo.phantom import KneeTruth, Phantom, draw, is_drawn, truth_of
from ctsma_node.demo.returned import KneeReturned, objects_by_class, reports_in, save_picture
from ctsma_node.records import Case, SeriesState

Tell = Callable[[str], None]

_MARKER = ".ctsma-node-demo"
_MADE_ANEW = ("node", "pacs", "results", "picture.png")


@dataclass(frozen=True)
class Demonstration:
    """What came of it."""

    pacs: str
    case: Case
    seconds: dict[str, float]
    objects: Counter[str]  # by SOP class, without the source's
    returned: list[KneeReturned]
    truth: list[KneeTruth]
    picture: Path | None
    source: Path  # the synthetic series
    folder: Path


def demonstrate(out: Path, seed: int, sides: str, tell: Tell) -> Demonstration:
    """Run it in `out`; whatever happens, what was started is stopped. Raises DemoError.

    What an earlier demonstration left in `out` is made anew; a synthetic knee of the same seed is kept.
    """
    clear(out)
    (out / "results").mkdir()
    pacs = pacs_in(out / "pacs")
    tell(f"Starting {pacs.name}")
    pacs.start()
    try:
        node = Node(out / "node", pacs)
        node.start()
        try:
            return _through(node, pacs, out, seed, sides, tell)
        finally:
            tell("Stopping the node")
            node.stop()
    finally:
        pacs.stop()


def clear(out: Path) -> None:
    """Remove what an earlier demonstration left, but its synthetic knees; raises DemoError.

    A folder of these names that no demonstration made stays as it is.
    """
    left = [path for name in _MADE_ANEW if (path := out / name).exists()]
    if left and not (out / _MARKER).exists():
        raise DemoError(f"{left[0]} is in the way: remove it, or name another folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARKER).touch()
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _through(node: Node, pacs: Pacs, out: Path, seed: int, sides: str, tell: Tell) -> Demonstration:
    drawing = out / "phantom" / f"{seed}-{sides}"
    kept = is_drawn(drawing)
    tell("Taking the synthetic knee CT of before" if kept else "Drawing a synthetic knee CT (half a minute)")
    phantom = draw(drawing, seed, sides)
    tell("Waiting for the node")
    node.wait_until_ready()
    tell(f"Storing the {phantom.count} slices in the PACS, as a scanner would")
    _send(phantom, pacs.ae_title, pacs.port, "SCANNER")
    tell(f"Routing the series to {node.ae_title} on port {node.port}")
    _send(phantom, node.ae_title, node.port, pacs.ae_title)
    for case in node.follow(phantom.series_uid):
        tell(f"The series is {case.state}")
    if case.state is not SeriesState.DELIVERED:
        raise DemoError(f"The series ended as {case.state} ({case.code}): {case.reason}")
    tell("Reading the results back from the PACS")
    ours = _results(pacs, phantom, out / "results")
    return Demonstration(
        pacs=pacs.name,
        case=case,
        seconds=node.seconds_in(case),
        objects=objects_by_class(ours),
        returned=reports_in(ours),
        truth=truth_of(phantom),
        picture=save_picture(sorted(ours), out / "picture.png"),
        source=phantom.folder,
        folder=out,
    )


def _send(phantom: Phantom, called: str, port: int, calling: str) -> None:
    command = [*PROGRAM, "send", str(phantom.folder), "--to", f"127.0.0.1:{port}"]
    command += ["--aet", called, "--calling", calling]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(f"Not everything was stored by {called}:\n{done.stdout}{done.stderr}")


def _results(pacs: Pacs, phantom: Phantom, folder: Path) -> list[Path]:
    """What the PACS holds of the study but did not get from the scanner, as files in a folder."""
    sources = {
        str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
        for path in phantom.folder.glob("*.dcm")
    }
    study = {path.stem: path for path in pacs.fetch(phantom.study_uid, folder)}
    for uid in study.keys() & sources:
        study.pop(uid).unlink()
    return list(study.values())
