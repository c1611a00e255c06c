"""`ctsma_node/validation/modules.json` from the tables that highdicom generated from PS3.3.

`python -m tests.unit.validation.standard_tables` writes it anew. It keeps of 22 MB what the checks look at:
which attributes a module requires (type 1 and 2), which may be absent but never empty (type 1C, sequences of
type 3), and below which sequences.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from highdicom._standard_utils import get_module_attribute_map

ROOM = Path(__file__).parents[3] / "ctsma_node" / "validation"
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MACROS_OF = ("segmentation-multi-frame-functional-groups", "parametric-map-multi-frame-functional-groups")
# The Code Sequence macro (PS3.3 8.8), which is checked wherever a code is.
_CODE = frozenset(
    (
        "CodeValue",
        "LongCodeValue",
        "URNCodeValue",
        "CodeMeaning",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "MappingResource",
        "ContextGroupVersion",
        "ContextGroupLocalVersion",
        "ContextGroupExtensionCreatorUID",
        "EquivalentCodeSequence",
    )
)
_KEPT = ("1", "1C", "2")

Table = dict[str, Any]


def derived() -> Table:
    """Modules by name, and the functional group macros by the name of their sequence."""
    macros: Table = {}
    for module in _MACROS_OF:
        macros |= _attributes(module)[_GROUPS[1]]["items"]
    return {
        "modules": {name: _pruned(_attributes(name)) for name in sorted(_named_in_classes())},
        "macros": {
            name: {"type": each["type"], "items": _pruned(each.get("items", {}))}
            for name, each in sorted(macros.items())
        },
    }


def text() -> str:
    """The table as its file holds it."""
    return json.dumps(derived(), indent=1, sort_keys=True) + "\n"


def _classes() -> Mapping[str, Any]:
    return tomllib.loads((ROOM / "classes.toml").read_text())


def _named_in_classes() -> set[str]:
    classes = _classes()
    named = {*classes["common"]["modules"], *classes["common"]["where"]}
    for each in classes["class"].values():
        named |= {*each["modules"], *each.get("where", {})}
    return named


def _attributes(module: str) -> Table:
    root: Table = {}
    for entry in get_module_attribute_map()[module]:
        level = root
        for sequence in entry["path"]:
            level = level.setdefault(sequence, {}).setdefault("items", {})
        level.setdefault(entry["keyword"], {})["type"] = entry["type"]
    return root


def _pruned(level: Table) -> Table:
    """Keyword: type, or type and items where something is required below."""
    kept: Table = {}
    is_code = {"CodeMeaning", "CodeValue"} <= level.keys()
    for keyword, attribute in level.items():
        if keyword in _GROUPS or (is_code and keyword in _CODE):
            continue
        kind, items = attribute.get("type", "3"), _pruned(attribute.get("items", {}))
        if items:
            kept[keyword] = {"type": kind, "items": items}
        elif kind in _KEPT or "items" in attribute:
            kept[keyword] = kind
    return kept


if __name__ == "__main__":
    (ROOM / "modules.json").write_text(text())
