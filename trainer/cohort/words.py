"""Free text of headers as words: how a side, a part of the body or a sequence is named."""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+\.?")


def words(text: str) -> tuple[str, ...]:
    """Upper-case words without accents, split at everything but letters and digits, and at camelCase.

    A full stop stays with the word it ends, since it tells an abbreviation ("re.") from a word.
    """
    wide = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))
    plain = "".join(c for c in unicodedata.normalize("NFKD", wide) if not unicodedata.combining(c))
    composed = unicodedata.normalize("NFC", plain)
    return tuple(match.group().upper() for match in _WORD.finditer(composed))


def bare(word: str) -> str:
    """A word without the full stop of an abbreviation."""
    return word.removesuffix(".")


KNEE_WORDS = frozenset(
    [
        "KNEE",
        "KNEES",
        "KNIE",
        "KNIEGELENK",
        "KNIEGELENKE",
        "GENOU",
        "GENOUX",
        "RODILLA",
        "RODILLAS",
        "GINOCCHIO",
        "GINOCCHIA",
        "JOELHO",
        "JOELHOS",
        "KOLANO",
        "KOLANA",
        "KNA",
        "KNAE",
        "POLVI",
        "KOLENO",
        "TIBIOFEMORAL",
        "PATELLA",
        "KNIELENK",
        "DIZ",
        "TERD",
    ]
)
"""The knee in the languages of protocol names, without accents."""
KNEE_SIGNS = ("膝", "무릎", "슬관절", "슬부", "КОЛЕН")

OTHER_WORDS = frozenset(
    [
        "ANKLE",
        "FOOT",
        "HEEL",
        "HINDFOOT",
        "FOREFOOT",
        "TOE",
        "HIP",
        "HIPS",
        "PELVIS",
        "SHOULDER",
        "ELBOW",
        "WRIST",
        "HAND",
        "FINGER",
        "FINGERS",
        "THUMB",
        "SPINE",
        "CSPINE",
        "LSPINE",
        "TSPINE",
        "NECK",
        "HEAD",
        "BRAIN",
        "SKULL",
        "CHEST",
        "THORAX",
        "LUNG",
        "ABDOMEN",
        "HEART",
        "CARDIAC",
        "BREAST",
        "SPRUNGGELENK",
        "OSG",
        "FUSS",
        "HUFTE",
        "HUEFTE",
        "HUFTGELENK",
        "BECKEN",
        "SCHULTER",
        "ELLENBOGEN",
        "HANDGELENK",
        "KOPF",
        "SCHADEL",
        "WIRBELSAULE",
        "HALS",
        "BAUCH",
        "CHEVILLE",
        "PIED",
        "HANCHE",
        "BASSIN",
        "EPAULE",
        "COUDE",
        "POIGNET",
        "TOBILLO",
        "PIE",
        "CADERA",
        "HOMBRO",
        "CODO",
        "MUNECA",
        "CAVIGLIA",
        "PIEDE",
        "ANCA",
        "SPALLA",
        "GOMITO",
        "POLSO",
        "TORNOZELO",
        "QUADRIL",
        "OMBRO",
        "COTOVELO",
        "ENKEL",
        "HEUP",
    ]
)
"""Other parts of the body, in the same languages."""
OTHER_SIGNS = ("踝", "髋", "股関節", "肩", "肘", "手関節", "足関節", "발목", "고관절", "어깨")


def names_knee(text: str) -> bool:
    """Whether a text names the knee."""
    upper = text.upper()
    return any(bare(word) in KNEE_WORDS for word in words(text)) or any(sign in upper for sign in KNEE_SIGNS)


def names_other_part(text: str) -> bool:
    """Whether a text names another part of the body."""
    return any(bare(word) in OTHER_WORDS for word in words(text)) or any(sign in text for sign in OTHER_SIGNS)
