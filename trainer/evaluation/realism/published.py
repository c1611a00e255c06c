"""What is published of knees, for comparison. A figure that was not read in its source is marked as such."""

from __future__ import annotations

from dataclasses import dataclass

from ctsma_node.analysis.result import Bone, OAClass

RAPAGNA = "Rapagna et al. 2021, J Orthop Res 39: 1988-1999, doi 10.1002/jor.24914 (micro-CT, 40 tibial plateaus)"
PATEL = "Patel et al. 2003, J Orthop Res 21: 6-13, PMID 12507574 (micro-CT, cadaver knees)"
SHIRAISHI = "Shiraishi et al. 2020, Bone, doi 10.1016/j.bone.2019.115155 (HR-pQCT in vivo, 20 women)"
HEALTHY_JOINTS = "BMC Musculoskelet Disord 2008; 9: 119 (radiographs, 119 healthy people, mean ± SD)"
BFFE = "BMC Musculoskelet Disord 2017, doi 10.1186/s12891-017-1865-x (3 T BFFE, 80 subjects)"
GOODPASTER = "Goodpaster et al. 2000, J Appl Physiol 89: 104-110 (mid-thigh; means of obese and of lean adults)"
POP = "Pop and Mărușteri 2023, Diagnostics 13: 1913 (95 % reference interval of abdominal fat)"
PROTOCOL = "the paper's supplement (protocol)"
MEMORY = "from memory, unverified"

WORN = "worn compartment"
"""A key of this form is read in the compartment whose joint space is the smaller."""


@dataclass(frozen=True)
class Published:
    """A range that the mean of the drawn knees of `classes` should lie in; `keys` are averaged for each knee."""

    figure: str
    keys: tuple[str, ...]
    low: float
    high: float
    unit: str
    source: str
    classes: tuple[OAClass, ...] = tuple(OAClass)
    women: bool | None = None  # None: both


@dataclass(frozen=True)
class Direction:
    """Published: `more` exceeds `less` within the knees of `classes`."""

    claim: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    source: str
    classes: tuple[OAClass, ...] = tuple(OAClass)


@dataclass(frozen=True)
class Contrast:
    """Published: the knees of `higher` exceed those of `lower` in the mean of `keys`."""

    claim: str
    keys: tuple[str, ...]
    higher: OAClass
    lower: OAClass
    source: str


def first_6_mm(parameter: str, bone: Bone, compartment: str) -> tuple[str, ...]:
    """Keys of the first 6 mm under the subchondral plate."""
    return tuple(f"{parameter} {bone} {compartment} {depth} mm" for depth in ("0-3", "3-6"))


_NORMAL, _ADVANCED = (OAClass.NORMAL,), (OAClass.ADVANCED,)
_T, _F = Bone.TIBIA, Bone.FEMUR
_BOTH = (*first_6_mm("BV/TV", _T, "medial"), *first_6_mm("BV/TV", _T, "lateral"))

RANGES: tuple[Published, ...] = (
    Published("fat", ("HU fat",), -123.0, -89.0, "HU", POP),
    Published("muscle", ("HU muscle",), 39.3, 49.2, "HU", GOODPASTER),
    Published("cortex of the femoral metaphysis", ("HU cortex",), 700.0, 1800.0, "HU", MEMORY),
    Published(
        "trabecular bone, 6 to 15 mm deep",
        tuple(f"HU {b} {c} {d} mm" for b in Bone for c in ("medial", "lateral") for d in ("6-10", "10-15")),
        100.0,
        400.0,
        "HU",
        MEMORY,
    ),
    Published("BV/TV, tibia, first 6 mm, no OA", _BOTH, 0.18, 0.37, "", RAPAGNA, _NORMAL),
    Published(
        "BV/TV, tibia, worn compartment, advanced OA",
        first_6_mm("BV/TV", _T, WORN),
        0.32,
        0.44,
        "",
        RAPAGNA,
        _ADVANCED,
    ),
    Published(
        "subchondral plate, tibia, no OA",
        ("plate thickness tibia medial", "plate thickness tibia lateral"),
        0.26,
        0.47,
        "mm",
        RAPAGNA,
        _NORMAL,
    ),
    Published(
        "subchondral plate, tibia, worn compartment, advanced OA",
        (f"plate thickness tibia {WORN}",),
        0.58,
        0.72,
        "mm",
        RAPAGNA,
        _ADVANCED,
    ),
    Published(
        "cartilage, tibia, no OA",
        ("cartilage thickness tibia medial", "cartilage thickness tibia lateral"),
        1.19,
        1.54,
        "mm",
        RAPAGNA,
        _NORMAL,
    ),
    Published("medial joint space, women, no OA", ("joint space medial",), 4.1, 5.5, "mm", HEALTHY_JOINTS, _NORMAL, True),
    Published("medial joint space, men, no OA", ("joint space medial",), 4.9, 6.5, "mm", HEALTHY_JOINTS, _NORMAL, False),
    Published("Tb.Th, subregions", ("Tb.Th femur", "Tb.Th tibia"), 0.10, 0.30, "mm", MEMORY),
    Published("Tb.Sp, subregions", ("Tb.Sp femur", "Tb.Sp tibia"), 0.40, 1.00, "mm", MEMORY),
    Published("Tb.N, subregions", ("Tb.N femur", "Tb.N tibia"), 0.8, 2.0, "1/mm", MEMORY),
    Published("flexion in the MR", ("flexion MR",), 20.0, 30.0, "degrees", PROTOCOL),
)

DIRECTIONS: tuple[Direction, ...] = (
    *(
        Direction(
            f"{bone}, {side}: BV/TV falls over the first 6 mm",
            (f"BV/TV {bone} {side} 0-3 mm",),
            (f"BV/TV {bone} {side} 3-6 mm",),
            PATEL,
            _NORMAL,
        )
        for bone in Bone
        for side in ("medial", "lateral")
    ),
    Direction(
        "Tb.Sp grows over the first 6 mm of the tibia",
        ("Tb.Sp tibia medial 3-6 mm",),
        ("Tb.Sp tibia medial 0-3 mm",),
        PATEL,
        _NORMAL,
    ),
    *(
        Direction(
            f"{side}, first 6 mm: {name} of the tibia above the femur's",
            first_6_mm(name, _T, side),
            first_6_mm(name, _F, side),
            PATEL,
            _NORMAL,
        )
        for name in ("BV/TV", "Tb.Th")
        for side in ("medial", "lateral")
    ),
    *(
        Direction(
            f"{bone}: BV/TV medial above lateral", first_6_mm("BV/TV", bone, "medial"), first_6_mm("BV/TV", bone, "lateral"), source
        )
        for bone, source in ((_T, f"{PATEL}; {SHIRAISHI}"), (_F, PATEL))
    ),
)

CONTRASTS: tuple[Contrast, ...] = (
    Contrast(
        "BV/TV of the worn tibial compartment: higher in advanced OA (Patel et al. 2003 found it lower)",
        first_6_mm("BV/TV", _T, WORN),
        OAClass.ADVANCED,
        OAClass.NORMAL,
        RAPAGNA,
    ),
    Contrast(
        "plate of the worn tibial compartment: thicker in advanced OA",
        (f"plate thickness tibia {WORN}",),
        OAClass.ADVANCED,
        OAClass.NORMAL,
        RAPAGNA,
    ),
    Contrast("BV/TV of the femur (subregions): lower in mild OA", ("BV/TV femur",), OAClass.NORMAL, OAClass.MILD, BFFE),
    Contrast("Tb.Th of the femur (subregions): lower in mild OA", ("Tb.Th femur",), OAClass.NORMAL, OAClass.MILD, BFFE),
)
