"""What reports and pictures say in words: `dicom_templates/texts.*.toml`, one language each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from ctsma_node.analysis.result import Mark, Parameter, Side
from ctsma_node.report.codes import Code, TemplateError, code_of

Table = Mapping[str, Any]
OWN = "en"
"""The language of the node's own sentences and terms: its file translates none."""

_PLAIN = "texts"
_NOT_SENTENCES = ("language", "changes", "terms", "reasons", "marks")


@dataclass(frozen=True)
class Texts:
    """The sentences of a language; what it has no word for stays as the node says it, in English."""

    language: Code
    sentences: Mapping[str, str]  # with blanks in {}; by name, or by table and name: "report.class"
    changes: Mapping[Parameter, tuple[str, str]]  # below and above the reference
    terms: Mapping[str, str]  # by the English term
    reasons: Mapping[str, str]  # by the code of a refusal
    marks: Mapping[str, str]  # by the code of a mark

    def of(self, name: str, **values: str) -> str:
        """A sentence with its blanks filled in."""
        return self.sentences[name].format(**values)

    def side(self, side: Side | None) -> str:
        """A knee by its side, as the beginning of a sentence."""
        names = {Side.LEFT: "names.left", Side.RIGHT: "names.right", None: "names.unknown"}
        return self.of(names[side])

    def term(self, english: str) -> str:
        """Such as the name of a class or of a part of the knee."""
        return self.terms.get(english, english)

    def reason(self, code: str, english: str) -> str:
        """Why something was refused; a translation lacks the figures that the node's own sentence holds."""
        return self.reasons.get(code, english)

    def mark(self, mark: Mark) -> str:
        """What a reader must know about a result; of figures as `reason`."""
        return self.marks.get(mark.code, mark.text)

    def coded_mark(self, mark: Mark) -> str:
        """The same behind its code, which is stable in every language."""
        return f"{mark.code}: {self.mark(mark)}"


@dataclass(frozen=True)
class Wanted:
    """What a language other than the node's own must have words for."""

    terms: frozenset[str]
    reasons: frozenset[str]
    marks: frozenset[str]


def parse_texts(table: Table, english: Table, attributes: Mapping[str, str], wanted: Wanted) -> Texts:
    """Texts from a language's file.

    Args:
        table: what the language's file says.
        english: what that of English says: the other has to say as much, with the same blanks.
        attributes: texts that are the same in every language.
        wanted: terms, reasons and marks that need a translation.

    Raises:
        TemplateError: what the language lacks, by name.
    """
    language = code_of(table["language"])
    sentences, model = _sentences(table), _sentences(english)
    _check_complete(language, "", model, sentences)
    _check_blanks(language, model, sentences)
    if language.value != OWN:
        for name, keys in (("terms", wanted.terms), ("reasons", wanted.reasons), ("marks", wanted.marks)):
            _check_complete(language, f"{name}.", keys, table.get(name, {}))
    changes = {parameter: _pair(table["changes"][parameter]) for parameter in Parameter}
    translated = (dict(table.get(name, {})) for name in ("terms", "reasons", "marks"))
    return Texts(language, {**attributes, **sentences}, changes, *translated)


def probability(value: float) -> str:
    """To two decimals, and never as a certainty, which no classifier has."""
    if value > 0.99:
        return ">0.99"
    return "<0.01" if value < 0.01 else f"{value:.2f}"


def _sentences(table: Table) -> dict[str, str]:
    """Every sentence of a file by its name, those outside the first table behind their table's name."""
    return {
        key if name == _PLAIN else f"{name}.{key}": text
        for name, entries in table.items()
        if name not in _NOT_SENTENCES
        for key, text in entries.items()
    }


def _check_complete(language: Code, prefix: str, wanted: Iterable[str], there: Iterable[str]) -> None:
    lacking = sorted(f"{prefix}{key}" for key in set(wanted) - set(there))
    if lacking:
        raise TemplateError(f"dicom_templates: {language.meaning} lacks {', '.join(lacking)}")


def _check_blanks(language: Code, model: Mapping[str, str], there: Mapping[str, str]) -> None:
    for name, text in there.items():
        if name not in model:
            raise TemplateError(f"dicom_templates: {language.meaning} has {name}, which nothing says")
        if _blanks(text) != _blanks(model[name]):
            raise TemplateError(f"dicom_templates: {language.meaning} fills {name} in otherwise than English")


def _blanks(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def _pair(entry: tuple[str, str]) -> tuple[str, str]:
    below, above = entry
    return below, above
