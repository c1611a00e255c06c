"""One knee: its bones as rigid bodies with poses of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ctsma_node.analysis.result import CartilageRegion, OAClass, Side
from trainer.phantom.bones import Anatomy, build_structures
from trainer.phantom.deformation import draw_deformation
from trainer.phantom.disease import HEALTHY_SPACE, SEVERITY_NOISE, Disease, draw_disease
from trainer.phantom.femur import draw_femur_form
from trainer.phantom.fibula import draw_fibula_form
from trainer.phantom.joint import Posture, bone_poses
from trainer.phantom.patella import draw_patella_form
from trainer.phantom.person import Person
from trainer.phantom.structure import BoneStructure, Part
from trainer.phantom.tibia import draw_tibia_form
from trainer.phantom.tissue import Tissue, draw_tissue

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Knee:
    """A knee as drawn; `structures` and `poses` are worked out from it when first asked for (about 1.5 s)."""

    seed: int
    side: Side
    anatomy: Anatomy
    tissue: Tissue
    disease: Disease
    posture: Posture
    placement: F64  # leg frame -> scene LPS mm, 4 x 4; of a left knee it holds a reflection

    @property
    def oa_class(self) -> OAClass:
        """The paper's group."""
        return self.disease.oa_class

    @property
    def kl(self) -> int:
        """Kellgren-Lawrence grade, 0..4."""
        return self.disease.kl

    @property
    def severity(self) -> float:
        """Latent severity, 0..1; the grade is a noisy reading of it."""
        return self.disease.severity

    @property
    def cartilage(self) -> dict[CartilageRegion, float]:
        """MOAKS-like score of each subregion, 0..6."""
        return self.disease.cartilage

    @property
    def flexion(self) -> float:
        """Degrees between femur and tibia."""
        return self.posture.flexion

    @cached_property
    def structures(self) -> dict[Part, BoneStructure]:
        """The four bones in their own frames."""
        return build_structures(self.anatomy, self.tissue, self.disease)

    @cached_property
    def poses(self) -> dict[Part, F64]:
        """4 x 4 of each bone's frame to scene LPS mm."""
        in_leg = bone_poses(self.structures, self.posture, self.disease.joint_space, self.anatomy.patella.gap)
        return {part: self.placement @ pose for part, pose in in_leg.items()}

    def posed(self, posture: Posture, placement: F64) -> Knee:
        """The same knee, its very bones, in another posture and place (of a right leg, LPS mm, 4 x 4)."""
        mirror = np.diag([1.0 if self.side is Side.RIGHT else -1.0, 1.0, 1.0, 1.0])
        other = replace(self, posture=posture, placement=placement @ mirror)
        other.__dict__["structures"] = self.structures  # the cached bones: they do not depend on the posture
        return other


def draw_knee(
    seed: int,
    side: Side | None = None,
    oa_class: OAClass | None = None,
    *,
    placement: F64 | None = None,
    flexion: float | None = None,
    who: Person | None = None,
    severity_noise: float = SEVERITY_NOISE,
) -> Knee:
    """Draw one knee; equal arguments give an equal knee, and the two sides of a seed are one person's.

    Without a `placement` the joint is at the origin, the leg along z. `flexion` in degrees (0 to 15 drawn).
    `who` brings sex and age: women's knees and joint spaces are smaller, and bone is lost with the years.
    """
    person = np.random.default_rng((seed, 2026))
    drawn = Side.RIGHT if person.random() < 0.5 else Side.LEFT
    chosen = side or drawn
    own = np.random.default_rng((seed, 2027, list(Side).index(chosen)))
    anatomy = _draw_anatomy(person, own)
    tissue = draw_tissue(person, own)
    bend = float(own.uniform(0.0, 15.0))
    posture = Posture(
        flexion=bend if flexion is None else flexion,
        axial_rotation=float(own.normal(0.0, 2.5)),
        wobble=tuple(own.normal(0.0, 0.6, 3).tolist()),
    )
    if who is not None:
        anatomy, tissue = _of_person(who, anatomy, tissue)
    mirror = np.diag([1.0 if chosen is Side.RIGHT else -1.0, 1.0, 1.0, 1.0])
    at = np.eye(4) if placement is None else placement
    disease = draw_disease(own, oa_class, severity_noise, HEALTHY_SPACE[who.sex if who else None])
    return Knee(seed, chosen, anatomy, tissue, disease, posture, at @ mirror)


def _of_person(person: Person, anatomy: Anatomy, tissue: Tissue) -> tuple[Anatomy, Tissue]:
    """Size by sex (about 10 % between the means), BV/TV by age (0.0006 a year about the age of 50)."""
    scale = 0.955 if person.sex == "F" else 1.04
    x, y, z = (scale * side for side in anatomy.size)
    bvtv = float(np.clip(tissue.bvtv - 0.0006 * (person.age - 50), 0.13, 0.38))
    return replace(anatomy, size=(x, y, z)), replace(tissue, bvtv=bvtv)


def _draw_anatomy(person: np.random.Generator, own: np.random.Generator) -> Anatomy:
    """Proportions of the person; the finer relief is the side's own."""
    size = float(np.clip(person.normal(1.0, 0.06), 0.86, 1.16))
    x, y, z = size * (1.0 + 0.035 * np.clip(person.standard_normal(3), -2.0, 2.0))
    return Anatomy(
        femur=replace(draw_femur_form(person), seed=int(own.integers(2**31))),
        tibia=replace(draw_tibia_form(person), seed=int(own.integers(2**31))),
        patella=replace(draw_patella_form(person), seed=int(own.integers(2**31))),
        fibula=replace(draw_fibula_form(person), seed=int(own.integers(2**31))),
        deformation=draw_deformation(person),
        size=(float(x), float(y), float(z)),
        roughness=float(person.uniform(0.5, 1.5)),
        seed=int(own.integers(2**31)),
    )
