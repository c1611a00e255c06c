"""Which knee a series shows, as its own header tells it: R, L, B (both), "" (not told)."""

from __future__ import annotations

import re
import unicodedata

from trainer.cohort.codes import refused
from trainer.cohort.instance import Header, Texts
from trainer.cohort.words import KNEE, SIDES, bare, words

_JOINED = re.compile(r"\b([RL])\s*[/+&]\s*([RL])\b")


def side_in(text: str) -> str:
    """The side a free text names: R, L, B or "". A single letter counts as a word of its own alone."""
    plain = unicodedata.normalize("NFKC", text)
    upper = plain.upper()
    sides = {_side_of(word, before, after) for before, word, after in _with_neighbours(words(plain))} - {""}
    sides |= {side for side, known in SIDES.items() if any(sign in upper for sign in known.signs)}
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


def _side_of(word: str, before: str, after: str) -> str:
    plain = bare(word)
    at_knee = {bare(before), bare(after)} & KNEE.words
    for side in ("B", "R", "L"):
        known = SIDES[side]
        if plain in known.words or (plain in known.abbreviations and (at_knee or word != plain)):
            return side
    return ""


def _with_neighbours(found: tuple[str, ...]) -> list[tuple[str, str, str]]:
    padded = ("", *found, "")
    return [(padded[at], padded[at + 1], padded[at + 2]) for at in range(len(found))]
