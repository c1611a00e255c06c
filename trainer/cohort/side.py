"""Which knee a series shows, as its own header tells it: R, L, B (both), "" (not told)."""

from __future__ import annotations

import re
import unicodedata

from trainer.cohort.codes import refused
from trainer.cohort.instance import Header, Texts
from trainer.cohort.words import KNEE_WORDS, bare, words

# Whole words, without accents. English, German, French, Italian, Spanish, Portuguese, Polish, Dutch, Nordic.
_RIGHT = frozenset(
    [
        "RIGHT",
        "RT",
        "RGT",
        "RECHTS",
        "RECHTE",
        "RECHTER",
        "RECHTES",
        "DROIT",
        "DROITE",
        "DESTRA",
        "DESTRO",
        "DERECHA",
        "DERECHO",
        "DCHA",
        "DCHO",
        "DER",
        "DIREITO",
        "DIREITA",
        "PRAWE",
        "PRAWY",
        "PRAWEGO",
        "HOYRE",
        "HOGER",
        "HOJRE",
        "OIKEA",
        "DX",
        "DEXTER",
        "DEXTRA",
    ]
)
_LEFT = frozenset(
    [
        "LEFT",
        "LT",
        "LFT",
        "LINKS",
        "LINKE",
        "LINKER",
        "LINKES",
        "GAUCHE",
        "SINISTRA",
        "SINISTRO",
        "IZQUIERDA",
        "IZQUIERDO",
        "IZQ",
        "IZDA",
        "ESQUERDO",
        "ESQUERDA",
        "LEWE",
        "LEWY",
        "LEWEGO",
        "VENSTRE",
        "VANSTER",
        "VASEN",
        "SX",
        "SIN",
        "SINISTER",
    ]
)
_BOTH = frozenset(
    [
        "BOTH",
        "BILATERAL",
        "BILATERALE",
        "BILATERALES",
        "BILAT",
        "BDS",
        "BEIDE",
        "BEIDER",
        "BEIDSEITS",
        "DEUX",
        "BILATERALI",
        "AMBOS",
        "AMBAS",
        "ENTRAMBE",
        "OBA",
        "KNEES",
        "GENOUX",
        "GINOCCHIA",
        "RODILLAS",
        "KNIEGELENKE",
    ]
)
_SHORT = {"R": "R", "L": "L"}
# These are words or letters of their own in some language: only beside the knee, or as an abbreviation.
_SHORTER = {"RE": "R", "LI": "L", "D": "R", "G": "L", "DIR": "R", "ESQ": "L"}
_RIGHT_SIGNS = ("右", "우측", "오른", "ПРАВ")
_LEFT_SIGNS = ("左", "좌측", "왼", "ЛЕВ")
_BOTH_SIGNS = ("双", "雙", "両", "양측", "양쪽", "ОБА", "左右")
_JOINED = re.compile(r"\b([RL])\s*[/+&]\s*([RL])\b")


def side_in(text: str) -> str:
    """The side a free text names: R, L, B or "". A single letter counts as a word of its own alone."""
    plain = unicodedata.normalize("NFKC", text)
    upper = plain.upper()
    sides = {_side_of(word, before, after) for before, word, after in _with_neighbours(words(plain))} - {""}
    sides |= {side for side, signs in _signs() if any(sign in upper for sign in signs)}
    if _JOINED.search(upper) or "B" in sides or len(sides) > 1:
        return "B"
    return next(iter(sides), "")


def own_side(header: Header) -> str:
    """The side by a series' own attributes: coded ones, then texts of the series, then of the study.

    Raises Refused `contradicting_side` where attributes of the series name different single sides. The
    study's texts come from the order, which may be for both knees: they count only where no other does.
    """
    coded = set(header.laterality) - {"U"}
    named = {side for _, value in header.names if (side := side_in(value))}
    single = (coded | named) - {"B"}
    if len(single) > 1:
        raise refused("contradicting_side")
    if coded | named:
        return next(iter(single), "B") if "B" not in coded else "B"
    return _first_side(header.study_names)


def _first_side(texts: Texts) -> str:
    return next((side for _, value in texts if (side := side_in(value))), "")


def _signs() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("R", _RIGHT_SIGNS), ("L", _LEFT_SIGNS), ("B", _BOTH_SIGNS))


def _side_of(word: str, before: str, after: str) -> str:
    plain = bare(word)
    if plain in _BOTH:
        return "B"
    if plain in _RIGHT:
        return "R"
    if plain in _LEFT:
        return "L"
    if plain in _SHORT:
        return _SHORT[plain]
    at_knee = bare(before) in KNEE_WORDS or bare(after) in KNEE_WORDS
    return _SHORTER.get(plain, "") if at_knee or word != plain else ""


def _with_neighbours(found: tuple[str, ...]) -> list[tuple[str, str, str]]:
    padded = ("", *found, "")
    return [(padded[at], padded[at + 1], padded[at + 2]) for at in range(len(found))]
