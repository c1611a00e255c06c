"""Tables and templates in Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

_PLACE = re.compile(r"^\{\{([a-z_]+)\}\}$", re.MULTILINE)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a vertical bar in a cell is escaped, an empty cell stays empty."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(each) for each in line) + " |" for line in lines)


def fill(template: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The template with each line `{{name}}` replaced by what the part of that name gives.

    Raises:
        KeyError: a line names no part.
    """
    return _PLACE.sub(lambda found: parts[found[1]](), template)


def places(template: str) -> list[str]:
    """The names that a template asks for, in its order."""
    return _PLACE.findall(template)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
