"""From the last C-STORE answer to the last object in the PACS, by stage, for a 512 x 512 x 125 series.

A real node (receiver and worker), a real PACS (Orthanc where it is installed), a synthetic knee CT. The
paper reports 2.3 s of inference per subject on an RTX 4090 (section 4.2), without any DICOM.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE

from ctsma_node.demo.node import Node
from ctsma_node.demo.pacs import Pacs, pacs_in
from ctsma_node.records import SeriesState

RUNS = 4
"""The first of them is not counted."""
SEED = 4


def main() -> None:
    """Print minimum, median and maximum of every stage over the counted runs, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        slices = _series(out)
        pacs = pacs_in(out / "pacs")
        pacs.start()
        node = Node(out / "node", pacs)
        node.start()
        try:
            node.wait_until_ready()
            runs = [_turnaround(node, pacs, slices, run) for run in range(RUNS)][1:]
            memory = _peak_memory()
        finally:
            node.stop()
            pacs.stop()
    print(
        f"{len(slices)} slices of {slices[0].Rows} x {slices[0].Columns}, {len(runs)} runs, into {pacs.name}"
    )
    print(f"{'seconds':42s} {'min':>7s} {'median':>7s} {'max':>7s}")
    for stage in runs[0]:
        values = [run[stage] for run in runs]
        print(f"{stage:42s} {min(values):7.2f} {statistics.median(values):7.2f} {max(values):7.2f}")
    for name, mebibytes in memory.items():
        print(f"peak memory of {name}: {mebibytes:.0f} MiB")


def _series(out: Path) -> list[Dataset]:
    command = [sys.executable, "-m", "trainer.cli", "scan", "--out", str(out / "phantom")]
    subprocess.run([*command, "--first-seed", str(SEED), "--preset", "routine"], check=True)
    return [dcmread(path) for path in sorted((out / "phantom").rglob("dicom/*.dcm"))]


def _turnaround(node: Node, pacs: Pacs, slices: Sequence[Dataset], run: int) -> dict[str, float]:
    """Send the series as a new one and wait for its end; seconds by stage."""
    series = _renamed(slices, run)
    answered = _send(node, pacs, slices)
    *_, case = node.follow(series)
    if case.state is not SeriesState.DELIVERED:
        raise RuntimeError(f"the series ended as {case.state}: {case.reason}")
    stages = node.seconds_in(case)
    total = case.updated_at - answered
    return {
        "wait until complete": total - sum(stages.values()),
        **stages,
        "last answer to last object": total,
    }


def _renamed(slices: Sequence[Dataset], run: int) -> str:
    """The same pixels under the UIDs of another series: a series that is known is not analysed again."""
    study, series = (
        generate_uid(entropy_srcs=[f"turnaround {run} {level}"]) for level in ("study", "series")
    )
    for number, ds in enumerate(slices):
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[f"turnaround {run} instance {number}"])
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return str(series)


def _send(node: Node, pacs: Pacs, slices: Sequence[Dataset]) -> float:
    """Store every slice over one association; the time of the last answer."""
    ae = AE(ae_title=pacs.ae_title)
    ae.add_requested_context(slices[0].SOPClassUID, slices[0].file_meta.TransferSyntaxUID)
    assoc = ae.associate("127.0.0.1", node.port, ae_title=node.ae_title)
    for ds in slices:
        status = assoc.send_c_store(ds)
        if status.Status != 0x0000:
            raise RuntimeError(f"the node answered {status.Status:04X}")
    answered = time.time()
    assoc.release()
    return answered


def _peak_memory() -> dict[str, float]:
    """VmHWM of the node's two processes, MiB."""
    peaks: dict[str, float] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().decode().split("\0")
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        for name in ("receive", "work"):
            if "ctsma_node.cli" in command and name in command:
                peaks[name] = int(lines["VmHWM"].split()[0]) / 1024
    return peaks
