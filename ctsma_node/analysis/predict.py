"""The analysis: from a CT volume to typed results (paper, sections 3.2 and 3.3, CT only)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ctsma_node.analysis import bones, familiarity, measure
from ctsma_node.analysis.bundle import Bundle, read_bundle
from ctsma_node.analysis.contrast import contrast_marks
from ctsma_node.analysis.device import CPU, OUT_OF_MEMORY, choose_device, trouble
from ctsma_node.analysis.explain import explain
from ctsma_node.analysis.grid import SIZE, canonical, canonical_affine, knee_affine, resample
from ctsma_node.analysis.knees import KneeSite, find_knees
from ctsma_node.analysis.planes import plane_marks
from ctsma_node.analysis.result import (
    SUBREGIONS_PER_BONE,
    AnalysisResult,
    Bone,
    BoneSummary,
    Estimate,
    Familiarity,
    KneeNotAnalysed,
    KneeResult,
    Mark,
    OAClass,
    Parameter,
    Side,
    Subregion,
)
from ctsma_node.analysis.sharpness import sharpness, sharpness_marks
from ctsma_node.analysis.soft_tissue import soft_tissue_marks
from ctsma_node.analysis.subregions import Distance
from ctsma_node.errors import Refused
from ctsma_node.volume import Array, CTVolume, apply

Progress = Callable[[str, float], None]
Done = TypeVar("Done")
_OFF_MIDLINE = 40.0
"""mm from the middle of the table at which a single knee is that side's own."""


class Analyser:
    """A bundle on a device, ready to analyse one volume after another."""

    def __init__(
        self,
        bundle: Bundle,
        device: torch.device,
        refuse_unfamiliar: bool = False,
        troubles: Mapping[str, str] | None = None,
    ) -> None:
        self.bundle = bundle
        self.device, self._wanted = CPU, device
        self.refuse_unfamiliar = refuse_unfamiliar
        self.troubles = dict(troubles or {})
        """Why the networks do not run where they should: sentences by their codes; none where all is well."""
        self._return()
        bundle.segmenter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

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

    def warm_up(self) -> None:
        """Run each network once, so that the first series does not pay for it."""
        self._wherever_it_fits(self._run_once)

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
        no knee could be analysed: `no_knee`, or the code of the first knee that was seen. A GPU whose memory
        does not suffice leaves the volume to the CPU, and is tried again with the next.
        """
        return self._wherever_it_fits(lambda: self._analyse(volume, progress, stated_side))

    def _wherever_it_fits(self, work: Callable[[], Done]) -> Done:
        """Do it on the device that is wanted, or where the memory of that does not suffice on the CPU."""
        self._return()
        try:
            done = work()
        except torch.OutOfMemoryError:
            if self.device == CPU:
                raise
        else:
            if self.device == self._wanted:
                self.troubles.pop(OUT_OF_MEMORY, None)
            return done
        self._leave()  # not in the handler: its exception holds on to the tensors of the GPU
        return work()

    def _return(self) -> None:
        """Go to the device that is wanted, if it has room."""
        if self.device == self._wanted:
            return
        try:
            self._place(self._wanted)
        except torch.OutOfMemoryError:
            self._leave()

    def _leave(self) -> None:
        """Go to the CPU, and say why."""
        self.troubles |= trouble(OUT_OF_MEMORY, str(self._wanted))
        self._place(CPU)
        torch.cuda.empty_cache()

    def _place(self, device: torch.device) -> None:
        for network in (
            self.bundle.finder,
            self.bundle.segmenter,
            self.bundle.student,
            self.bundle.aggregator,
        ):
            network.to(device)
        self.device = device

    def _analyse(
        self, volume: CTVolume, progress: Progress | None, stated_side: Side | None
    ) -> AnalysisResult:
        clock = _Clock(progress or (lambda stage, fraction: None))
        clock.start("find knees", 0.0)
        sites = find_knees(volume, self.bundle.finder, self.bundle.plan.finder_step, self.device)
        done: list[KneeResult] = []
        refused: list[KneeNotAnalysed] = []
        for n, site in enumerate(sites):
            try:
                done.append(self._knee(volume, site, stated_side, clock, n / len(sites)))
            except Refused as e:
                refused.append(KneeNotAnalysed(site.side, e.code, e.reason))
        if not done:
            raise Refused(refused[0].code, refused[0].reason)
        return AnalysisResult(
            knees=tuple(done),
            not_analysed=tuple(refused),
            bundle_name=self.bundle.plan.name,
            bundle_version=self.bundle.plan.version,
            bundle_digest=self.digest,
            seconds=clock.stop(),
        )

    def _knee(
        self, volume: CTVolume, site: KneeSite, stated: Side | None, clock: _Clock, done: float
    ) -> KneeResult:
        clock.start("resample", 0.15 + 0.8 * done)
        affine = knee_affine(site.centre)
        hu, covered = resample(volume, affine, SIZE)
        bones.check_metal(hu)
        clock.start("segment bones", 0.3 + 0.7 * done)
        labels = bones.segment(hu, self.bundle.segmenter, self.device)
        inward = bones.distances(labels)
        bones.check_bones(inward, covered, hu)
        side, marks = decide_side(bones.side_of(labels) or site.side, stated, site.centre[0])
        clock.start("divide", 0.55 + 0.45 * done)
        # Neither the checks nor the division uses more than one core.
        with ThreadPoolExecutor(1) as beside:
            checked = beside.submit(_check, hu, labels, covered, inward)
            canonical_inward = {bone: canonical(distance, side) for bone, distance in inward.items()}
            t = measure.tokens(
                canonical(hu, side), canonical(labels > 0, side), canonical_inward, self.bundle.plan
            )
            clock.start("check", 0.7 + 0.3 * done)
            marks = (*marks, *checked.result())
        found = self._familiarity(t)
        unfamiliar = self._unfamiliar(found)
        clock.start("measure", 0.8 + 0.2 * done)
        values, sds = measure.estimate(t, self.bundle, self.device)
        probabilities, cartilage = measure.classify(values, t.positions, self.bundle, self.device)
        clock.start("explain", 0.95 + 0.05 * done)
        explanation, shares = explain(values, t.positions, self.bundle, self.device)
        subregion_labels = canonical(_joined(t), side)
        return KneeResult(
            side=side,
            hu=hu,
            affine=affine,
            bone_labels=labels,
            subregion_labels=subregion_labels,
            subregions=self._subregions(t, values, sds, shares, affine, side, subregion_labels),
            bones=tuple(_summary(bone, values, t) for bone in Bone),
            class_probabilities=probabilities,
            oa_class=max(probabilities, key=lambda c: probabilities[c]),
            oa_probability=1.0 - probabilities[OAClass.NORMAL],
            explanation=explanation,
            cartilage=cartilage,
            marks=(*marks, *measure.overlapping(t.centres), *unfamiliar),
            familiarity=found,
        )

    def _familiarity(self, t: measure.Tokens) -> Familiarity | None:
        """How unlike the knees of training this one is, where the bundle can tell."""
        plan, reference = self.bundle.plan.familiarity, self.bundle.reference
        if plan is None or reference is None:
            return None
        return familiarity.judge(familiarity.distances(measure.look(t), reference), plan.limits)

    def _unfamiliar(self, found: Familiarity | None) -> tuple[Mark, ...]:
        """A mark, where the knee is unlike those of training; raises Refused where that is asked for."""
        plan = self.bundle.plan.familiarity
        if plan is None or found is None:
            return ()
        return familiarity.marks(found, plan, self.refuse_unfamiliar)

    def _subregions(
        self,
        t: measure.Tokens,
        values: Array,
        sds: Array,
        shares: Array,
        affine: Array,
        side: Side,
        labels: npt.NDArray[np.uint8],
    ) -> tuple[Subregion, ...]:
        lps = apply(canonical_affine(affine, side), t.centres[:, ::-1])
        counts = np.bincount(labels.ravel(), minlength=2 * SUBREGIONS_PER_BONE + 1)
        return tuple(
            Subregion(
                bone=Bone.FEMUR if n < SUBREGIONS_PER_BONE else Bone.TIBIA,
                number=n % SUBREGIONS_PER_BONE + 1,
                label=n + 1,
                centre=(float(lps[n, 0]), float(lps[n, 1]), float(lps[n, 2])),
                volume=float(counts[n + 1]) * bones.VOXEL,
                values={p: Estimate(float(values[n, c]), float(sds[n, c])) for c, p in enumerate(Parameter)},
                contributions={p: float(shares[n, c]) for c, p in enumerate(Parameter)},
                marks=self._marks(values[n], float(t.mask[:, n].mean())),
            )
            for n in range(len(values))
        )

    def _marks(self, values: Array, inside: float) -> tuple[Mark, ...]:
        """What a reader must know about one subregion."""
        plan = self.bundle.plan.student
        outside = [
            p.value
            for p, v, a, b in zip(Parameter, values, plan.low, plan.high, strict=True)
            if not a <= v <= b
        ]
        marks = []
        if outside:
            text = f"{', '.join(outside)} outside the range that the model was trained on"
            marks.append(Mark("outside_training_range", text))
        if inside < 0.25:
            marks.append(Mark("little_bone", "less than a quarter of the patch is trabecular bone"))
        return tuple(marks)


def _check(
    hu: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    covered: npt.NDArray[np.bool_],
    inward: dict[Bone, Distance],
) -> tuple[Mark, ...]:
    """What the image itself tells against a measurement; raises Refused where it must not be made."""
    return (
        *bones.wider_than_grid(inward),
        *soft_tissue_marks(hu, labels),
        *sharpness_marks(sharpness(hu, labels, covered)),
        *contrast_marks(hu, labels),
        *plane_marks(hu, inward),
    )


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
            spent = time.perf_counter() - self.since
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + spent
            self.stage = ""
        return self.seconds


def decide_side(anatomy: Side | None, stated: Side | None, x: float) -> tuple[Side, tuple[Mark, ...]]:
    """Side of a knee: by its fibula, then as the source states, then by where it lies across the table.

    `x` is the joint's place in LPS mm. Raises Refused `side_unknown` where nothing tells.
    """
    side = anatomy or stated
    if side is None and abs(x) >= _OFF_MIDLINE:
        text = "left or right was told only by the knee's place across the table: check it"
        return Side.LEFT if x > 0 else Side.RIGHT, (Mark("side_by_position", text),)
    if side is None:
        raise Refused(
            "side_unknown",
            "Left or right cannot be told: no fibula in the field of view and no Laterality in the source.",
        )
    if stated is not None and stated is not side:
        return side, (Mark("laterality_conflict", "the anatomy is not of the side that the source states"),)
    return side, ()


def _joined(t: measure.Tokens) -> npt.NDArray[np.uint8]:
    """One label array: femur 1..100, tibia 101..200."""
    femur, tibia = t.partitions[Bone.FEMUR].labels, t.partitions[Bone.TIBIA].labels
    return np.where(tibia > 0, tibia + SUBREGIONS_PER_BONE, femur).astype(np.uint8)


def _summary(bone: Bone, values: Array, t: measure.Tokens) -> BoneSummary:
    first = 0 if bone is Bone.FEMUR else SUBREGIONS_PER_BONE
    rows = values[first : first + SUBREGIONS_PER_BONE]
    return BoneSummary(
        bone=bone,
        volume=float((t.partitions[bone].labels > 0).sum()) * bones.VOXEL,
        mean={p: float(rows[:, c].mean()) for c, p in enumerate(Parameter)},
        sd={p: float(rows[:, c].std(ddof=1)) for c, p in enumerate(Parameter)},
    )
