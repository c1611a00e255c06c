"""What `dicom_templates/` says: codes, series, display ranges, colours and texts, checked on load."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ctsma_node.analysis.result import (
    UNITS,
    Bone,
    CartilageRegion,
    Compartment,
    OAClass,
    Parameter,
    Side,
)
from ctsma_node.report.codes import Code, CodingScheme, TemplateError, check_schemes, code_of
from ctsma_node.report.texts import OWN, Table, Texts, Wanted, parse_texts

_COMMON = ("codes.toml", "objects.toml")
_OTHER_REASON = "other"


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
    """All of `dicom_templates/` in one language; `digest` is the sha256 of the files it was read from."""

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
    reasons: Mapping[str, Code]
    series: Mapping[str, SeriesTemplate]
    right_knee_offset: int
    display_range: Mapping[Parameter, tuple[float, float]]
    most_contribution: float
    colours: Colours
    texts: Texts

    def subregion(self, name: str, bone: Bone, number: int) -> Code:
        """The private code of a subregion, F001 to T100."""
        meaning = f"{self.bones[bone].meaning} subregion {number}"
        return Code(name, self.scheme.designator, meaning, "private: the subregions are this method's own")

    def reason(self, code: str) -> Code:
        """The private code of why a series or a knee was refused, by the node's code."""
        return self.reasons.get(code, self.reasons[_OTHER_REASON])


@lru_cache(maxsize=4)
def load_templates(language: str = OWN) -> Templates:
    """The templates that ship with the node, in a language.

    Raises:
        TemplateError: a file lacks an entry, an entry breaks a rule of the standard, or there is no file.
    """
    folder = resources.files("dicom_templates")
    names = {*_COMMON, texts_file(OWN), texts_file(language)}
    try:
        files = {name: folder.joinpath(name).read_bytes() for name in names}
    except FileNotFoundError:
        raise TemplateError(f"dicom_templates: there is no {texts_file(language)}") from None
    return parse_templates(files, language)


def texts_file(language: str) -> str:
    """The file that holds the texts of a language."""
    return f"texts.{language}.toml"


def parse_templates(files: Mapping[str, bytes], language: str = OWN) -> Templates:
    """Templates from the files' bytes, by name; raises `TemplateError`."""
    read = (*_COMMON, texts_file(language))
    codes, objects, texts = (tomllib.loads(files[name].decode()) for name in read)
    english = tomllib.loads(files[texts_file(OWN)].decode())
    digest = hashlib.sha256(b"".join(files[name] for name in read)).hexdigest()
    try:
        return _build(codes, objects, texts, english, digest)
    except TemplateError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise TemplateError(f"dicom_templates: an entry is missing or has another shape: {error}") from error


def _build(codes: Table, objects: Table, texts: Table, english: Table, digest: str) -> Templates:
    scheme = CodingScheme(**codes["scheme"])
    coded = {name: table for name, table in codes.items() if name != "scheme"}
    check_schemes(coded, scheme)
    colours = objects["colours"]
    return Templates(
        version=objects["version"],
        digest=digest,
        scheme=scheme,
        parameters={p: code_of(codes["parameters"][p]) for p in Parameter},
        classes={c: code_of(codes["classes"][c]) for c in OAClass},
        class_probabilities={c: code_of(codes["class_probabilities"][c]) for c in OAClass},
        cartilage={r: code_of(codes["cartilage"][r]) for r in CartilageRegion},
        contributions={c: code_of(codes["contributions"][c]) for c in Compartment},
        bones={b: code_of(codes["bones"][b]) for b in Bone},
        sides={s: code_of(codes["sides"][s]) for s in Side},
        units={u: code_of(codes["units"][u]) for u in {*UNITS.values(), "mm3", "score", "log_odds"}},
        concepts={name: code_of(entry) for name, entry in codes["concepts"].items()},
        reasons={name: code_of(entry) for name, entry in codes["reasons"].items()},
        series={kind: SeriesTemplate(**entry) for kind, entry in objects["series"].items()},
        right_knee_offset=objects["right_knee_offset"],
        display_range={p: _interval(p, objects["display_range"][p]) for p in Parameter},
        most_contribution=float(objects["contribution"]["most"]),
        colours=Colours(
            chroma=colours["chroma"],
            golden_angle_deg=colours["golden_angle_deg"],
            lightness={b: colours["lightness"][b] for b in Bone},
        ),
        texts=parse_texts(texts, english, objects["texts"], _wanted(codes, objects)),
    )


def _wanted(codes: Table, objects: Table) -> Wanted:
    """What a language must have words for: all that the codes and the kinds of result name."""
    classes = {codes["classes"][c][2] for c in OAClass}
    return Wanted(
        terms=frozenset({*OAClass, *classes, *Bone, *CartilageRegion, *Compartment}),
        reasons=frozenset(codes["reasons"]) - {_OTHER_REASON},
        marks=frozenset(objects["marks"]["codes"]),
    )


def _interval(parameter: Parameter, entry: tuple[float, float]) -> tuple[float, float]:
    low, high = entry
    if not low < high:
        raise TemplateError(f"display range of {parameter}: {low} is not below {high}")
    return low, high
