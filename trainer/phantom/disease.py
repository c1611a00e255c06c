"""Osteoarthritis as drawn for one knee: grade, latent severity and what they do to the joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctsma_node.analysis.result import CartilageRegion, OAClass

GRADES: dict[OAClass, tuple[int, ...]] = {
    OAClass.NORMAL: (0,),
    OAClass.MILD: (1, 2),
    OAClass.ADVANCED: (3, 4),
}
"""Kellgren-Lawrence grades of each class (paper, section 4.1)."""
PROPORTIONS: dict[OAClass, float] = {OAClass.NORMAL: 0.375, OAClass.MILD: 0.3125, OAClass.ADVANCED: 0.3125}
"""The paper's cohort: 30 normal, 25 mild, 25 advanced."""

HEALTHY_SPACE: dict[str | None, float] = {"F": 5.0, "M": 5.9, None: 5.4}
"""Mean joint space of a compartment without wear by sex, mm. The first wear takes 0.2 mm of it: healthy women
have 4.8 and healthy men 5.7 mm (radiographs, BMC Musculoskelet Disord 2008; 9: 119)."""
SEVERITY_NOISE = 0.13
"""Standard deviation of the latent severity about its grade, so that bone never tells the grade for sure."""


@dataclass(frozen=True)
class Disease:
    """The joint's state. Compartment values are ordered medial, lateral."""

    oa_class: OAClass
    kl: int
    severity: float  # 0..1
    cartilage: dict[CartilageRegion, float]  # MOAKS-like score, 0..6
    joint_space: tuple[float, float]  # bone to bone, mm
    sclerosis: tuple[float, float]  # added BV/TV under the plate
    rarefaction: float  # BV/TV taken off below it, relative
    coarsening: float  # added to the log wavelength
    osteophytes: float  # mm at the margins
    cysts: int


def draw_disease(
    rng: np.random.Generator,
    oa_class: OAClass | None = None,
    severity_noise: float = SEVERITY_NOISE,
    healthy_space: float = HEALTHY_SPACE[None],
) -> Disease:
    """A grade and its consequences; the class from the paper's proportions when it is not given.

    Bone is lost below the joint from the beginning (in mild OA it is thinner: BMC Musculoskelet Disord 2017,
    doi 10.1186/s12891-017-1865-x); sclerosis and coarse trabeculae come late, where cartilage has gone.
    """
    chosen = oa_class or list(PROPORTIONS)[int(rng.choice(3, p=list(PROPORTIONS.values())))]
    kl = int(rng.choice(GRADES[chosen]))
    severity = float(np.clip(0.12 + 0.19 * kl + rng.normal(0.0, severity_noise), 0.0, 1.0))
    cartilage = _scores(rng, severity)
    worn = [_wear(cartilage, side) for side in ("medial", "lateral")]
    late = float(np.clip((severity - 0.35) / 0.35, 0.0, 1.0))
    space = [_space(rng, healthy_space, w) for w in worn]
    sclerosis = [float(max(0.0, 0.01 + 0.16 * w * late + rng.normal(0.0, 0.015))) for w in worn]
    return Disease(
        oa_class=chosen,
        kl=kl,
        severity=severity,
        cartilage=cartilage,
        joint_space=(space[0], space[1]),
        sclerosis=(sclerosis[0], sclerosis[1]),
        rarefaction=float(np.clip(0.30 * severity + rng.normal(0.0, 0.06), -0.1, 0.45)),
        coarsening=float(0.09 * late + rng.normal(0.0, 0.03)),
        osteophytes=_osteophytes(rng, severity),
        cysts=int(rng.poisson(3.0 * max(0.0, severity - 0.35))),
    )


def _scores(rng: np.random.Generator, severity: float) -> dict[CartilageRegion, float]:
    """Whole scores 0..6 by region; wear is mostly medial, sometimes mostly lateral."""
    lateral_type = rng.random() < 0.18
    weight = {
        CartilageRegion.MEDIAL_FEMUR: 0.55 if lateral_type else 1.05,
        CartilageRegion.MEDIAL_TIBIA: 0.5 if lateral_type else 1.0,
        CartilageRegion.LATERAL_FEMUR: 1.0 if lateral_type else 0.55,
        CartilageRegion.LATERAL_TIBIA: 1.05 if lateral_type else 0.55,
        CartilageRegion.TROCHLEA: 0.7,
    }
    raw = {region: 6.0 * w * (1.15 * severity - 0.08) + rng.normal(0.0, 0.7) for region, w in weight.items()}
    return {region: float(np.clip(np.round(value), 0, 6)) + 0.0 for region, value in raw.items()}


def _space(rng: np.random.Generator, healthy: float, wear: float) -> float:
    """Least distance of the bones in a compartment, mm: worn cartilage leaves little of any width."""
    own = healthy + rng.normal(0.0, 0.5)
    return float(np.clip(own * (1.0 - 0.78 * wear) + rng.normal(0.0, 0.3), 0.7, 7.5))


def _osteophytes(rng: np.random.Generator, severity: float) -> float:
    """Size, mm: some people form far more of them than others with the same wear."""
    size = 5.0 * (severity - 0.2) * float(np.exp(rng.normal(0.0, 0.35)))
    return float(np.clip(size + rng.normal(0.0, 0.5), 0.0, 6.5))


def _wear(scores: dict[CartilageRegion, float], side: str) -> float:
    """Mean wear of a compartment, 0..1."""
    names = (CartilageRegion(f"{side} femur"), CartilageRegion(f"{side} tibia"))
    return sum(scores[name] for name in names) / 12.0
