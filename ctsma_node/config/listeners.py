"""Where the node's own processes listen by the settings, and which of these places are taken twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from ctsma_node.config.settings import Settings

_ANY = ("0.0.0.0", "::")


class Listener(NamedTuple):
    """One place: the key of the settings that names its port, and what is there."""

    key: str
    host: str
    port: int


def listeners(settings: Settings) -> Iterator[Listener]:
    """Each port that the settings have the node open."""
    node, tls, web = settings.node, settings.tls, settings.web
    if not (tls.enabled and tls.required):
        yield Listener("[node] port", node.bind, node.port)
    if tls.enabled:
        yield Listener("[tls] port", node.bind, tls.port)
    if web.enabled:
        yield Listener("[web] port", web.bind, web.port)


def clashes(settings: Settings) -> list[str]:
    """A sentence for each two that cannot both listen; port 0 is any that is free."""
    return [
        f"{one.key} and {other.key} are both {one.port}, and only one can listen there"
        for one, other in combinations(listeners(settings), 2)
        if one.port == other.port != 0 and _overlap(one.host, other.host)
    ]


def _overlap(one: str, other: str) -> bool:
    return one == other or one in _ANY or other in _ANY
