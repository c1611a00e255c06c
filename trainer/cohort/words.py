"""Free text of headers as words: how a side, a part of the body or a localizer is named (vocabulary.toml)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from importlib import resources

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "Æ": "AE", "\u0131": "i"}
)
"""Letters that Unicode does not take apart."""
_WORD = re.compile(r"[^\W_]+\.?")


def words(text: str) -> tuple[str, ...]:
    """Upper-case words without accents, split at everything but letters and digits, and at camelCase.

    A full stop stays with the word it ends, since it tells an abbreviation ("re.") from a word.
    """
    wide = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text)).translate(_LETTERS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", wide) if not unicodedata.combining(c))
    composed = unicodedata.normalize("NFC", plain)
    return tuple(match.group().upper() for match in _WORD.finditer(composed))


def bare(word: str) -> str:
    """A word without the full stop of an abbreviation."""
    return word.removesuffix(".")


@dataclass(frozen=True)
class Vocabulary:
    """One section of vocabulary.toml."""

    words: frozenset[str]
    signs: tuple[str, ...]
    abbreviations: frozenset[str]
    """Words of their own in some language: they count beside the knee, or with a full stop."""

    def is_in(self, text: str) -> bool:
        """Whether a text has one of the words, or one of the signs anywhere."""
        upper = text.upper()
        return any(bare(word) in self.words for word in words(text)) or any(
            sign in upper for sign in self.signs
        )


def _read() -> dict[str, Vocabulary]:
    text = resources.files("trainer.cohort").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return {
        name: Vocabulary(
            words=frozenset(section["words"].split()),
            signs=tuple(section["signs"]),
            abbreviations=frozenset(section.get("abbreviations", "").split()),
        )
        for name, section in tomllib.loads(text).items()
    }


VOCABULARY = _read()
KNEE, OTHER_PART, LOCALIZER = (VOCABULARY[name] for name in ("knee", "other_part", "localizer"))
SIDES = {"R": VOCABULARY["right"], "L": VOCABULARY["left"], "B": VOCABULARY["both"]}
