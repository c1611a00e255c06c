"""Kinds of object: what the settings call them, and what the report does."""

from __future__ import annotations

from collections.abc import Iterable

_IN_SETTINGS = {"maps": "parametric_map", "sr": "report", "viewer_sr": "viewer_report"}
_IN_REPORT = {there: here for here, there in _IN_SETTINGS.items()}


def in_settings(kind: str) -> str:
    """The name of a report's kind in a destination's `objects`."""
    return _IN_SETTINGS.get(kind, kind)


def in_report(kind: str) -> str:
    """The report's own name of a kind."""
    return _IN_REPORT.get(kind, kind)


def wanted(objects_of_destinations: Iterable[Iterable[str]], every: frozenset[str]) -> frozenset[str]:
    """The kinds that some destination takes, in the report's names; `every` where there is no destination."""
    kinds = {in_report(kind) for objects in objects_of_destinations for kind in objects}
    return frozenset(kinds) or every
