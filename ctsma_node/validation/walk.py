"""Through a dataset and all that is below it, each place with its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ctsma_node.validation.attributes import Attributes, name_of

Fault = tuple[str, str, str]
"""Path below the dataset looked at, code, sentence."""
Check = Callable[[Attributes], Iterator[Fault]]


def faults_below(ds: Attributes, check: Check, known: dict[int, tuple[Fault, ...]]) -> Iterator[Fault]:
    """What a check of one level finds in a dataset and in every item below it.

    Sequences whose items are one object (`elements.Reader`) are looked at once: `known` keeps what was found
    by the identity of the items, and the caller keeps the items alive.
    """
    yield from check(ds)
    for element in ds:
        if not element.items:
            continue
        found = known.get(id(element.items))
        if found is None:
            found = known[id(element.items)] = tuple(_faults_in(element.items, check, known))
        for path, code, sentence in found:
            yield f"{name_of(element.tag)}{path}", code, sentence


def _faults_in(
    items: Iterable[Attributes], check: Check, known: dict[int, tuple[Fault, ...]]
) -> Iterator[Fault]:
    for number, item in enumerate(items, start=1):
        for path, code, sentence in faults_below(item, check, known):
            yield f"[{number}].{path}", code, sentence
