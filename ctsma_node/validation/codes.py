"""The codes by which values are found again, from `dicom_templates/codes.toml`, where they are data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ctsma_node.analysis.result import Bone, CartilageRegion, Compartment, OAClass, Parameter, Side


@dataclass(frozen=True)
class Codes:
    """Code values by what they stand for, and the unit of each number."""

    parameters: Mapping[Parameter, str]
    classes: Mapping[OAClass, str]
    class_probabilities: Mapping[OAClass, str]
    cartilage: Mapping[CartilageRegion, str]
    contributions: Mapping[Compartment, str]
    bones: Mapping[Bone, str]
    sides: Mapping[Side, str]
    units: Mapping[str, str]
    concepts: Mapping[str, str]

    def side(self, code_value: str) -> Side | None:
        """The side that a code names."""
        return next((side for side, value in self.sides.items() if value == code_value), None)


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The code values that ship with the node."""
    text = resources.files("dicom_templates").joinpath("codes.toml").read_text("utf-8")
    entries = tomllib.loads(text)

    def values(table: str) -> dict[str, str]:
        return {name: entry[0] for name, entry in entries[table].items()}

    return Codes(
        parameters={p: values("parameters")[p] for p in Parameter},
        classes={c: values("classes")[c] for c in OAClass},
        class_probabilities={c: values("class_probabilities")[c] for c in OAClass},
        cartilage={r: values("cartilage")[r] for r in CartilageRegion},
        contributions={c: values("contributions")[c] for c in Compartment},
        bones={b: values("bones")[b] for b in Bone},
        sides={s: values("sides")[s] for s in Side},
        units=values("units"),
        concepts=values("concepts"),
    )
