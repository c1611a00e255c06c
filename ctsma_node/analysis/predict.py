"""The analysis: from CT volumes to typed results (paper, sections 3.2 and 3.3, CT only)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from ctsma_node.analysis import bones, measure
from ctsma_node.analysis.bundle import Bundle, read_bundle
from ctsma_node.analysis.device import CPU, choose_device
from ctsma_node.analysis.grid import SIZE
from ctsma_node.analysis.knee import Prepared, doubled, finish, prepare
from ctsma_node.analysis.knees import find_knees
from ctsma_node.analysis.placing import Placed
from ctsma_node.analysis.result import AnalysisResult, KneeNotAnalysed, KneeResult, Scan, Side
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume

Progress = Callable[[str, float], None]
TOGETHER = 4
"""Volumes that a GPU measures together, where so many wait; their memory is the machine's, not the GPU's."""


class Analyser(Placed):
    """A bundle on a device, ready to analyse one volume after another, or several together."""

    def __init__(
        self,
        bundle: Bundle,
        device: torch.device,
        refuse_unfamiliar: bool = False,
        troubles: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(bundle, device, troubles)
        self.refuse_unfamiliar = refuse_unfamiliar

    @classmethod
    def load(
        cls,
        bundle_path: Path | None = None,
        device: str = "auto",
        threads: int | None = None,
        public_key: Path | None = None,
        refuse_unfamiliar: bool = False,
        gpu_memory_fraction: float = 1.0,
    ) -> Analyser:
        """Read a bundle (the default one without a path) onto 'cpu', 'cuda', or 'auto'.

        A GPU that is not there is a trouble, not an error: the CPU stands in for it.

        Raises BundleError where its files are not what its manifest says, or where it is not signed by the
        private half of `public_key`. With `refuse_unfamiliar` knees that are far from those that the bundle
        was trained on are not measured; without, they are marked.
        """
        if threads:
            torch.set_num_threads(threads)
        bundle = read_bundle(bundle_path, public_key)
        chosen, troubles = choose_device(device, gpu_memory_fraction)
        return cls(bundle, chosen, refuse_unfamiliar, troubles)

    @property
    def digest(self) -> str:
        """sha256 of the bundle's manifest: which model gave a result."""
        return self.bundle.digest

    @property
    def together(self) -> int:
        """How many volumes it is worth while to hand over at once: the CPU gains nothing by it."""
        return 1 if self.device == CPU else TOGETHER

    def warm_up(self) -> None:
        """Run each network once, so that the first series does not pay for it."""
        self.wherever_it_fits(self._run_once)

    def _run_once(self) -> None:
        with torch.inference_mode():
            self.bundle.finder(torch.zeros(1, 1, 16, 16, 16, device=self.device))
            bones.segment(np.zeros(SIZE[::-1], dtype=np.float32), self.bundle.segmenter, self.device)
            cube = torch.zeros(2, 12, 12, 12, device=self.device)
            context = torch.zeros(2, len(self.bundle.plan.student.context), device=self.device)
            self.bundle.student(cube, cube, context)

    def analyse(
        self, volume: CTVolume, progress: Progress | None = None, stated_side: Side | None = None
    ) -> AnalysisResult:
        """Measure every knee of a volume.

        `stated_side` is what the source says; it decides only where the image cannot. Raises Refused where
        no knee could be analysed: `no_knee`, or the code of the first knee that was seen.
        """
        (found,) = self.analyse_together([Scan(volume, stated_side)], progress)
        if isinstance(found, Refused):
            raise found
        return found

    def analyse_together(
        self, scans: Sequence[Scan], progress: Progress | None = None
    ) -> list[AnalysisResult | Refused]:
        """Measure every knee of several volumes, the patches of all of them in one run of the student.

        What a volume gives does not depend on which others are beside it. A GPU whose memory does not suffice
        leaves them to the CPU, and is tried again with the next.
        """
        told = progress or (lambda stage, fraction: None)
        return self.wherever_it_fits(lambda: self._analyse_together(scans, told))

    def _analyse_together(self, scans: Sequence[Scan], progress: Progress) -> list[AnalysisResult | Refused]:
        seen = [_Seen(progress, n / len(scans), 1 / len(scans)) for n in range(len(scans))]
        for each, scan in zip(seen, scans, strict=True):
            self._prepare(scan, each)
        knees = [knee.tokens for each in seen for knee in each.prepared]
        progress("measure", 0.8)
        started = time.perf_counter()
        measured = iter(measure.estimate(knees, self.bundle, self.device))
        share = (time.perf_counter() - started) / max(len(knees), 1)
        return [self._finish(each, measured, share) for each in seen]

    def _prepare(self, scan: Scan, seen: _Seen) -> None:
        """Everything of a volume before the student; what is refused is kept in its place."""
        start = seen.clock.start
        start("find knees", 0.0)
        try:
            step = self.bundle.plan.finder_step
            sites = find_knees(scan.volume, self.bundle.finder, step, self.device)
        except Refused as refusal:
            seen.refused.append(refusal)
            return
        for n, site in enumerate(sites):
            done = n / len(sites)
            stated = None if site.paired else scan.stated_side  # one side is said of one knee
            given = (self.bundle, self.device, self.refuse_unfamiliar)
            try:
                seen.prepared.append(prepare(scan.volume, site, stated, *given, start, done))
            except Refused as refusal:
                seen.refuse(refusal, site.side)
        for knee in doubled(seen.prepared):
            seen.prepared.remove(knee)
            reason = "Another knee of the scan is of the side that this one looks like."
            seen.refuse(Refused("side_unknown", reason), None)
        seen.clock.stop()

    def _finish(
        self, seen: _Seen, measured: Iterator[tuple[Array, Array]], share: float
    ) -> AnalysisResult | Refused:
        """`share` is what each knee took of the student's run, in seconds."""
        if not seen.prepared:
            return Refused(seen.refused[0].code, seen.refused[0].reason)
        seen.clock.spend("measure", share * len(seen.prepared))
        done: list[KneeResult] = []
        for knee in seen.prepared:
            values, sds = next(measured)
            seen.clock.start("measure", 0.9)
            done.append(finish(knee, values, sds, self.bundle, self.device, seen.clock.start))
        return AnalysisResult(
            knees=tuple(done),
            not_analysed=tuple(seen.not_analysed),
            bundle_name=self.bundle.plan.name,
            bundle_version=self.bundle.plan.version,
            bundle_digest=self.digest,
            training=self.bundle.plan.training,
            seconds=seen.clock.stop(),
        )


class _Seen:
    """What is known of a volume on its way; its progress is a part of that of all."""

    def __init__(self, progress: Progress, first: float, part: float) -> None:
        self.clock = _Clock(lambda stage, fraction: progress(stage, first + part * fraction))
        self.prepared: list[Prepared] = []
        self.refused: list[Refused] = []
        self.not_analysed: list[KneeNotAnalysed] = []

    def refuse(self, refusal: Refused, side: Side | None) -> None:
        """Leave a knee out."""
        self.refused.append(refusal)
        self.not_analysed.append(KneeNotAnalysed(side, refusal.code, refusal.reason))


class _Clock:
    """Seconds by stage, and the progress that is shown meanwhile."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.stage = ""
        self.since = 0.0

    def start(self, stage: str, fraction: float) -> None:
        self.stop()
        self.progress(stage, fraction)
        self.stage, self.since = stage, time.perf_counter()

    def stop(self) -> dict[str, float]:
        if self.stage:
            self.spend(self.stage, time.perf_counter() - self.since)
            self.stage = ""
        return self.seconds

    def spend(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
