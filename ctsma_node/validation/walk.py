"""Through a dataset and all that is below it, each place with its path."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctsma_node.validation.attributes import Attributes, name_of

Fault = tuple[str, str, str]
"""Path below the dataset looked at, code, sentence."""
Check = Callable[[Attributes], Iterator[Fault]]


def faults_below(ds: Attributes, check: Check, known: dict[int, tuple[Fault, ...]]) -> Iterator[Fault]:
    """What a check of one level finds in a dataset and in every item below it.

    Items that are one object (`elements.Reader`) are looked at once: `known` keeps what was found by the
    identity of the item, and the caller keeps the items alive.
    """
    yield from check(ds)
    for element in ds:
        for number, item in enumerate(element.items or (), start=1):
            found = known.get(id(item))
            if found is None:
                found = known[id(item)] = tuple(faults_below(item, check, known))
            for path, code, sentence in found:
                yield f"{name_of(element.tag)}[{number}].{path}", code, sentence
