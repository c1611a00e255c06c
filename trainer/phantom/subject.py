"""One subject of a paired cohort: a knee, scanned by CT straight and by MR bent, on different days."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ctsma_node.analysis.result import Bone, Side
from trainer.phantom.acquisition import PRESETS, CTAcquisition
from trainer.phantom.difficulty import Difficulty, Range
from trainer.phantom.joint import Posture, moved, turned
from trainer.phantom.knee import Knee, draw_knee
from trainer.phantom.leg import LegForm, draw_leg_form
from trainer.phantom.mr_acquisition import MRAcquisition
from trainer.phantom.person import Person
from trainer.phantom.scene import Scene
from trainer.phantom.structure import Part

F64 = npt.NDArray[np.float64]

CT_FLEXION: Range = (0.0, 6.0)
MR_FLEXION: Range = (20.0, 30.0)
"""Degrees (supplement of the paper: the knee lies bent in the coil)."""
CT_SLICES = 400
"""120 mm of the leg at the supplement's 0.3 mm."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A person's knee in both scanners. The bones are the same bodies; each has a pose of its own in each."""

    person: Person
    seed: int
    ct: Scene
    ct_acquisition: CTAcquisition
    mr: Scene
    mr_acquisition: MRAcquisition
    days_between: int
    """MR after CT."""

    @property
    def ct_knee(self) -> Knee:
        """As it lay in the CT."""
        return self.ct.knees[0]

    @property
    def mr_knee(self) -> Knee:
        """As it lay in the MR."""
        return self.mr.knees[0]

    def ct_to_mr(self, bone: Bone) -> F64:
        """4 x 4, LPS mm of the CT to LPS mm of the MR, for points of one bone."""
        part = Part(bone.value)
        return np.asarray(self.mr_knee.poses[part] @ np.linalg.inv(self.ct_knee.poses[part]))


def subject_seed(cohort_seed: int, number: int) -> int:
    """The seed of everything that is drawn for one subject."""
    return cohort_seed * 100_000 + number


def knee_of(person: Person, seed: int, difficulty: Difficulty) -> Knee:
    """The subject's knee before anyone laid it into a scanner: its grade is known without building it."""
    return draw_knee(seed, person.side, person.oa_class, who=person, severity_noise=difficulty.severity_noise)


def draw_subject(person: Person, seed: int, difficulty: Difficulty, visit: int = 0) -> Subject:
    """Draw a knee and both its scans; equal arguments give an equal subject.

    Another `visit` is the same knee positioned and scanned anew (test-retest).
    """
    own = np.random.default_rng((seed, 61))
    form = _of_build(draw_leg_form(own), person)
    rng = np.random.default_rng((seed, 62, visit))
    knee = knee_of(person, seed, difficulty)
    ct = _scene(seed, knee, form, rng, CT_FLEXION, lateral=100.0)
    mr = _scene(seed, knee, form, rng, MR_FLEXION, lateral=15.0)
    return Subject(
        person=person,
        seed=seed,
        ct=ct,
        ct_acquisition=_ct(ct, rng, difficulty),
        mr=mr,
        mr_acquisition=_mr(mr, rng, difficulty),
        days_between=int(rng.integers(1, 60)),
    )


def _scene(
    seed: int, knee: Knee, form: LegForm, rng: np.random.Generator, flexion: Range, lateral: float
) -> Scene:
    """The knee laid into a scanner, anew each time: off the middle, tilted, bent."""
    x = -lateral if knee.side is Side.RIGHT else lateral
    shift = rng.normal(0.0, [10.0, 8.0, 20.0]) + np.array([x, 0.0, 0.0])
    tilt = rng.normal(0.0, [3.0, 3.0, 7.0])
    posture = Posture(
        flexion=float(rng.uniform(*flexion)),
        axial_rotation=float(rng.normal(0.0, 2.5)),
        wobble=tuple(rng.normal(0.0, 0.6, 3).tolist()),
    )
    placement = moved((shift[0], shift[1], shift[2])) @ turned((tilt[0], tilt[1], tilt[2]), np.zeros(3))
    height = float(shift[1] + rng.uniform(95.0, 130.0))
    return Scene(seed, (knee.posed(posture, placement),), (form,), height)


def _of_build(form: LegForm, person: Person) -> LegForm:
    """Fat and girth grow with the body mass index; muscle loses density with it and with age."""
    heavier = person.bmi / 25.0
    return replace(
        form,
        fat=float(np.clip(form.fat * heavier**2, 2.0, 30.0)),
        girth=float(np.clip(form.girth * heavier**0.4, 0.8, 1.25)),
        muscle_hu=form.muscle_hu - 0.1 * (person.age - 50) - 0.5 * (person.bmi - 25.0),
    )


def _ct(scene: Scene, rng: np.random.Generator, difficulty: Difficulty) -> CTAcquisition:
    """The supplement's protocol over the joint: 14 cm, 512 x 512, 1 mm slices every 0.3 mm, sharp kernel."""
    x, y, z = scene.centre + rng.normal(0.0, [3.0, 3.0, 4.0])
    return replace(
        PRESETS["paper"],
        slices=CT_SLICES,
        centre=(float(x), float(y), float(z)),
        kernel_fwhm=float(rng.uniform(*difficulty.ct_fwhm)),
        noise_hu=_log_uniform(rng, difficulty.ct_noise_hu),
        noise_seed=int(rng.integers(2**31)),
    )


def _mr(scene: Scene, rng: np.random.Generator, difficulty: Difficulty) -> MRAcquisition:
    """Table 2's MR, planned by hand on the joint: a little off and a little turned."""
    x, y, z = scene.centre + rng.normal(0.0, [2.0, 4.0, 4.0])
    turn = Rotation.from_rotvec(np.deg2rad(rng.normal(0.0, 3.0, 3))).as_matrix()
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in turn)
    return MRAcquisition(
        snr=_log_uniform(rng, difficulty.mr_snr),
        bias=float(rng.uniform(*difficulty.mr_bias)),
        gain=float(rng.uniform(*difficulty.mr_gain)),
        dephasing=float(rng.uniform(*difficulty.mr_dephasing)),
        noise_seed=int(rng.integers(2**31)),
        centre=(float(x), float(y), float(z)),
        rotation=(first, second, third),
    )


def _log_uniform(rng: np.random.Generator, limits: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))
