"""`ctsma_node/validation/modules.json` from the tables that highdicom generated from PS3.3.

`python -m tests.unit.validation.standard_tables` writes it anew. It keeps of 22 MB what the checks look at:
which attributes a module requires (type 1 and 2), and below which sequences.
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
_EVERY_LEVEL = "EquivalentCodeSequence"  # of a code of a code of a code
_REQUIRED = ("1", "2")

Table = dict[str, Any]


def derived() -> Table:
    """Modules by name, and the functional group macros by the name of their sequence."""
    macros: Table = {}
    for module in _MACROS_OF:
        macros |= _attributes(module)[_GROUPS[1]]["items"]
    return {
        "modules": {name: _pruned(_attributes(name)) for name in sorted(_named_in_classes())},
        "macros": {
            name: _pruned(attribute["items"])
            for name, attribute in sorted(macros.items())
            if name in _macros_in_classes()
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


def _macros_in_classes() -> set[str]:
    return {name for each in _classes()["class"].values() for name in each.get("groups", {})}


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
    for keyword, attribute in level.items():
        if keyword == _EVERY_LEVEL or keyword in _GROUPS:
            continue
        kind, items = attribute.get("type", "3"), _pruned(attribute.get("items", {}))
        if items:
            kept[keyword] = {"type": kind, "items": items}
        elif kind in _REQUIRED:
            kept[keyword] = kind
    return kept


if __name__ == "__main__":
    (ROOM / "modules.json").write_text(text())
