"""What the standard asks of an instance by its SOP class, from `classes.toml` and `modules.json`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from ctsma_node.validation.attributes import Attributes


@dataclass(frozen=True)
class Required:
    """An attribute of a module: its type, and what its items require. One of type 3 is a sequence."""

    keyword: str
    type: str  # PS3.5 7.4
    items: tuple[Required, ...] = ()


@dataclass(frozen=True)
class Module:
    """A module (PS3.3 C)."""

    name: str
    attributes: tuple[Required, ...]


@dataclass(frozen=True)
class SopClass:
    """What an instance of a SOP class consists of."""

    uid: str
    name: str
    modules: tuple[Module, ...]
    where: tuple[tuple[str, Module], ...]  # modules that are there where an attribute is
    groups: Mapping[str, str] = field(default_factory=dict)  # functional group: each, either
    pixels: tuple[str, ...] = ()  # one of these holds the pixels
    values: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    value_types: frozenset[str] = frozenset()  # of content items; empty: the class is no document

    def modules_of(self, ds: Attributes) -> tuple[Module, ...]:
        """The modules that a dataset of this class has to satisfy."""
        return (*self.modules, *(module for trigger, module in self.where if trigger in ds))


@dataclass(frozen=True)
class Tables:
    """All that the two files say."""

    classes: Mapping[str, SopClass]
    other: SopClass  # for classes that are not listed
    macros: tuple[Required, ...]  # functional groups (C.7.6.16.2) by their sequences
    enumerated: Mapping[str, frozenset[str | int]]

    def of(self, sop_class_uid: str) -> SopClass:
        """What a SOP class asks for."""
        return self.classes.get(sop_class_uid, self.other)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables that ship with the node."""
    folder = resources.files(__package__)
    classes = tomllib.loads(folder.joinpath("classes.toml").read_text("utf-8"))
    parts = json.loads(folder.joinpath("modules.json").read_text("utf-8"))
    modules = {name: Module(name, _attributes(level)) for name, level in parts["modules"].items()}
    common = classes["common"]

    def sop_class(uid: str, entry: Mapping[str, Any], always: Sequence[str]) -> SopClass:
        where = {**common["where"], **entry.get("where", {})}
        return SopClass(
            uid=uid,
            name=entry["name"],
            modules=tuple(modules[name] for name in (*always, *entry["modules"])),
            where=tuple((trigger, modules[name]) for name, trigger in where.items()),
            groups=entry.get("groups", {}),
            pixels=tuple(entry.get("pixels", ())),
            values={keyword: tuple(values) for keyword, values in entry.get("values", {}).items()},
            value_types=frozenset(entry.get("value_types", ())),
        )

    return Tables(
        classes={uid: sop_class(uid, entry, common["modules"]) for uid, entry in classes["class"].items()},
        other=sop_class("", classes["other"], ()),
        macros=_attributes(parts["macros"]),
        enumerated={keyword: frozenset(values) for keyword, values in classes["enumerated"].items()},
    )


def class_name(sop_class_uid: str) -> str | None:
    """Name of a SOP class that is listed, or None."""
    found = tables().classes.get(sop_class_uid)
    return None if found is None else found.name


def _attributes(level: Mapping[str, Any]) -> tuple[Required, ...]:
    return tuple(
        Required(keyword, entry)
        if isinstance(entry, str)
        else Required(keyword, entry["type"], _attributes(entry["items"]))
        for keyword, entry in level.items()
    )
