"""What an image says of itself by Image Type (0008,0008) and Conversion Type (0008,0064)."""

from __future__ import annotations

from collections.abc import Sequence

CAPTURED = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})
"""Conversion Type of the SC Equipment module (PS3.3 C.8.6.1): digitised, screen or workstation, drawn."""

# Words of Image Type from value 3 on: derived pixel contrast of Enhanced CT (PS3.3 C.8.16.1.4), multi-energy
# CT (C.8.2.1.1.1), Volume Based Calculation Technique (0008,9207), vendors' own.
PROJECTED = frozenset({"MIP", "MINIP", "MAXIP", "MAXIMUM", "MINIMUM", "PROJECTION", "DEVIATION", "SCREEN"})
RENDERED = frozenset({"VRT", "VR", "SSD", "RENDER", "RENDERING", "RENDERED", "CURVED", "CPR"})
# Terms of several words, none of which says it alone.
PROJECTED_TERMS = (frozenset({"MAX", "IP"}), frozenset({"MIN", "IP"}))


def says(image_type: Sequence[str], words: frozenset[str], terms: tuple[frozenset[str], ...] = ()) -> bool:
    """Whether a value of Image Type from the third on holds one of the words, or all those of a term.

    Vendors join several words in one value.
    """
    for value in image_type[2:]:
        held = set(value.replace("_", " ").replace("-", " ").split())
        if held & words or any(term <= held for term in terms):
            return True
    return False
