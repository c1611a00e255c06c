"""Clean Descriptors Option (PS3.15 E.3.5): of a description, the words that any protocol may have stay.

A list of what may stay is safer than one of what must go: a name is not recognised, it is simply not on the
list.
"""

from __future__ import annotations

import re

from trainer.cohort.words import KNEE, SIDES, VOCABULARY, bare, words

CLEANED = frozenset(
    {
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "PerformedProcedureStepDescription",
        "RequestedProcedureDescription",
    }
)
"""The descriptions that are cleaned; all other free text goes as the basic profile says."""
_KEPT = frozenset[str]().union(
    VOCABULARY["description"].words, KNEE.words, *(side.words | side.abbreviations for side in SIDES.values())
)
_MEASURE = re.compile(r"\d{1,2}(?:[.,]\d{1,3})?\s?MM|\d[.,]\d{1,3}")


def clean(text: str) -> str:
    """The words and measures of a description that may stay, upper case; "" where none do."""
    upper = text.upper()
    measures = [found.group() for found in _MEASURE.finditer(upper)]
    kept = [bare(word) for word in words(text) if bare(word) in _KEPT]
    return " ".join([*kept, *measures])[:64].strip()
