"""Every stable code that an operator can meet: where it stands, what it means, what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ctsma_node.choice.refusals import REASONS as CHOICE
from ctsma_node.gate.refusals import REASONS as GATE
from ctsma_node.receive.refusal import ALL

KINDS = {
    "refused": "The series is refused: not analysed, and not tried again",
    "failed": "The series has failed: given up",
    "delivered": "Delivered, with a remark",
    "waiting": "The series waits",
    "quarantine": "Instances that were not stored (quarantine)",
    "marked": "Marks of a result",
    "health": "What /health and the page find wrong",
    "alarms": "Actions in the log that ask for attention",
}
"""Where a code is met, in the order in which they are listed, with their headings."""

_SEND_AGAIN = (
    "The sender is told; if it does not come again by itself, send the series again from the archive."
)


@dataclass(frozen=True)
class Code:
    """One code: `kind` is a key of KINDS."""

    kind: str
    code: str
    meaning: str
    to_do: str


@lru_cache(maxsize=1)
def all_codes() -> tuple[Code, ...]:
    """Every code, by kind in the order of KINDS; refusals of headers and pixels come first."""
    written = tomllib.loads(resources.files(__name__).joinpath("codes.toml").read_text(encoding="utf-8"))
    here = [Code(kind, code, *texts) for kind, rows in written.items() for code, texts in rows.items()]
    known = {each.code for each in here}
    found = [each for each in (*_of_sentences(GATE | CHOICE), *_of_answers()) if each.code not in known]
    return tuple(sorted([*found, *here], key=lambda each: list(KINDS).index(each.kind)))


def markdown(codes: Iterable[Code]) -> str:
    """A table for each kind, under its heading."""
    listed = list(codes)
    parts = []
    for kind, heading in KINDS.items():
        rows = [f"| `{e.code}` | {e.meaning} | {e.to_do} |" for e in listed if e.kind == kind]
        if rows:
            parts.append(
                "\n".join(
                    [f"### {heading}", "", "| code | meaning | what to do |", "| --- | --- | --- |", *rows]
                )
            )
    return "\n\n".join(parts) + "\n"


def _of_sentences(reasons: dict[str, str]) -> Iterator[Code]:
    """The sentences of refusals say what is wrong and, behind the last colon, what to do."""
    for code, sentence in reasons.items():
        meaning, _, to_do = re.sub(r"\{[^}]*\}", "N", sentence).rpartition(": ")
        yield Code("refused", code, f"{meaning}.", to_do[:1].upper() + to_do[1:])


def _of_answers() -> Iterator[Code]:
    for each in ALL:
        yield Code("quarantine", each.code, f"{each.comment} (C-STORE status {each.status:04X})", _SEND_AGAIN)
