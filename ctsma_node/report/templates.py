"""What `dicom_templates/` says: codes, series, display ranges, colours and texts, checked on load."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from ctsma_node.analysis.result import (
    UNITS,
    Bone,
    CartilageRegion,
    Compartment,
    OAClass,
    Parameter,
    Side,
)

Table = Mapping[str, Any]
_FILES = ("codes.toml", "objects.toml")
_PRIVATE = "99"


class TemplateError(ValueError):
    """A file of `dicom_templates/` does not say what a report needs."""


@dataclass(frozen=True)
class Code:
    """A coded entry (PS3.3 section 8): value, coding scheme designator, meaning."""

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not 0 < len(self.value) <= 16 or not 0 < len(self.scheme) <= 16:
            raise TemplateError(f"code {self.value!r}: value and scheme have 1 to 16 characters")
        if not 0 < len(self.meaning) <= 64:
            raise TemplateError(f"code {self.value!r}: a meaning has 1 to 64 characters")


@dataclass(frozen=True)
class CodingScheme:
    """The private coding scheme (PS3.3 section 8.2, C.12.1)."""

    designator: str
    name: str
    version: str
    responsible_organization: str


@dataclass(frozen=True)
class SeriesTemplate:
    """Number of a left knee's series, and its description with {side} and {series} to fill in."""

    number: int
    description: str


@dataclass(frozen=True)
class Colours:
    """CIELab colours of segments: L* by bone, one chroma, a hue that turns by `golden_angle_deg`."""

    chroma: float
    golden_angle_deg: float
    lightness: Mapping[Bone, float]


@dataclass(frozen=True)
class Templates:
    """All of `dicom_templates/`; `digest` is the sha256 of its files."""

    version: str
    digest: str
    scheme: CodingScheme
    parameters: Mapping[Parameter, Code]
    classes: Mapping[OAClass, Code]
    class_probabilities: Mapping[OAClass, Code]
    cartilage: Mapping[CartilageRegion, Code]
    contributions: Mapping[Compartment, Code]
    bones: Mapping[Bone, Code]
    sides: Mapping[Side, Code]
    units: Mapping[str, Code]
    concepts: Mapping[str, Code]
    series: Mapping[str, SeriesTemplate]
    right_knee_offset: int
    display_range: Mapping[Parameter, tuple[float, float]]
    most_contribution: float
    changes: Mapping[Parameter, tuple[str, str]]
    colours: Colours
    texts: Mapping[str, str]

    def subregion(self, name: str, bone: Bone, number: int) -> Code:
        """The private code of a subregion, F001 to T100."""
        return Code(name, self.scheme.designator, f"{self.bones[bone].meaning} subregion {number}")


@lru_cache(maxsize=1)
def load_templates() -> Templates:
    """The templates that ship with the node.

    Raises:
        TemplateError: a file lacks an entry, or an entry breaks a rule of the standard.
    """
    folder = resources.files("dicom_templates")
    return parse_templates({name: folder.joinpath(name).read_bytes() for name in _FILES})


def parse_templates(files: Mapping[str, bytes]) -> Templates:
    """Templates from the files' bytes, by name; raises `TemplateError`."""
    codes, objects = (tomllib.loads(files[name].decode()) for name in _FILES)
    digest = hashlib.sha256(b"".join(files[name] for name in _FILES)).hexdigest()
    try:
        templates = _build(codes, objects, digest)
    except TemplateError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise TemplateError(f"dicom_templates: an entry is missing or has another shape: {error}") from error
    _check_private_codes(codes, templates.scheme.designator)
    return templates


def _build(codes: Table, objects: Table, digest: str) -> Templates:
    colours = objects["colours"]
    return Templates(
        version=objects["version"],
        digest=digest,
        scheme=CodingScheme(**codes["scheme"]),
        parameters={p: _code(codes["parameters"][p]) for p in Parameter},
        classes={c: _code(codes["classes"][c]) for c in OAClass},
        class_probabilities={c: _code(codes["class_probabilities"][c]) for c in OAClass},
        cartilage={r: _code(codes["cartilage"][r]) for r in CartilageRegion},
        contributions={c: _code(codes["contributions"][c]) for c in Compartment},
        bones={b: _code(codes["bones"][b]) for b in Bone},
        sides={s: _code(codes["sides"][s]) for s in Side},
        units={u: _code(codes["units"][u]) for u in {*UNITS.values(), "mm3", "score", "log_odds"}},
        concepts={name: _code(entry) for name, entry in codes["concepts"].items()},
        series={kind: SeriesTemplate(**entry) for kind, entry in objects["series"].items()},
        right_knee_offset=objects["right_knee_offset"],
        display_range={p: _interval(p, objects["display_range"][p]) for p in Parameter},
        most_contribution=float(objects["contribution"]["most"]),
        changes={p: _pair(objects["changes"][p]) for p in Parameter},
        colours=Colours(
            chroma=colours["chroma"],
            golden_angle_deg=colours["golden_angle_deg"],
            lightness={b: colours["lightness"][b] for b in Bone},
        ),
        texts=dict(objects["texts"]),
    )


def _code(entry: tuple[str, str, str]) -> Code:
    value, scheme, meaning = entry
    return Code(value, scheme, meaning)


def _interval(parameter: Parameter, entry: tuple[float, float]) -> tuple[float, float]:
    low, high = entry
    if not low < high:
        raise TemplateError(f"display range of {parameter}: {low} is not below {high}")
    return low, high


def _pair(entry: tuple[str, str]) -> tuple[str, str]:
    below, above = entry
    return below, above


def _check_private_codes(codes: Table, designator: str) -> None:
    """Every scheme that starts with 99 is the one that is identified in each object."""
    if not designator.startswith(_PRIVATE):
        raise TemplateError(f"a private designator starts with {_PRIVATE}, not {designator!r}")
    schemes = {entry[1] for name, table in codes.items() if name != "scheme" for entry in table.values()}
    unknown = {s for s in schemes if s.startswith(_PRIVATE)} - {designator}
    if unknown:
        raise TemplateError(f"coding schemes {sorted(unknown)} are used but not identified")
