"""The published orders (this above that) that the drawn knees are held against."""

from __future__ import annotations

from ctsma_node.analysis.result import Bone, OAClass
from trainer.evaluation.realism.published import (
    BFFE,
    PATEL,
    RAPAGNA,
    SHIRAISHI,
    WORN,
    Contrast,
    Direction,
    first_6_mm,
)

_NORMAL = (OAClass.NORMAL,)
_T, _F = Bone.TIBIA, Bone.FEMUR

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
            f"{bone}: BV/TV medial above lateral",
            first_6_mm("BV/TV", bone, "medial"),
            first_6_mm("BV/TV", bone, "lateral"),
            source,
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
    Contrast(
        "BV/TV of the femur (subregions): lower in mild OA",
        ("BV/TV femur",),
        OAClass.NORMAL,
        OAClass.MILD,
        BFFE,
    ),
    Contrast(
        "Tb.Th of the femur (subregions): lower in mild OA",
        ("Tb.Th femur",),
        OAClass.NORMAL,
        OAClass.MILD,
        BFFE,
    ),
)
