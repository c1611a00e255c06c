"""The published ranges that the drawn knees are held against."""

from __future__ import annotations

from ctsma_node.analysis.result import Bone, OAClass
from trainer.evaluation.realism.published import (
    GOODPASTER,
    HEALTHY_JOINTS,
    MEMORY,
    POP,
    PROTOCOL,
    RAPAGNA,
    WORN,
    Published,
    first_6_mm,
)

_NORMAL, _ADVANCED = (OAClass.NORMAL,), (OAClass.ADVANCED,)
_T = Bone.TIBIA
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
    Published(
        "medial joint space, women, no OA",
        ("joint space medial",),
        4.1,
        5.5,
        "mm",
        HEALTHY_JOINTS,
        _NORMAL,
        True,
    ),
    Published(
        "medial joint space, men, no OA",
        ("joint space medial",),
        4.9,
        6.5,
        "mm",
        HEALTHY_JOINTS,
        _NORMAL,
        False,
    ),
    Published("Tb.Th, subregions", ("Tb.Th femur", "Tb.Th tibia"), 0.10, 0.30, "mm", MEMORY),
    Published("Tb.Sp, subregions", ("Tb.Sp femur", "Tb.Sp tibia"), 0.40, 1.00, "mm", MEMORY),
    Published("Tb.N, subregions", ("Tb.N femur", "Tb.N tibia"), 0.8, 2.0, "1/mm", MEMORY),
    Published("flexion in the MR", ("flexion MR",), 20.0, 30.0, "degrees", PROTOCOL),
)
