"""Whether a destination gets what its objects refer to."""

from __future__ import annotations

from ctsma_node.cli.doctor.finding import Finding, warning
from ctsma_node.config import AnyDestination


def examine_objects(destination: AnyDestination) -> list[Finding]:
    """A warning where it is to get objects without those that they point at or are shown upon."""
    from ctsma_node.report import with_references

    chosen = frozenset(destination.objects)
    missing = ", ".join(sorted(with_references(chosen) - chosen))
    if not missing:
        return []
    text = f"what goes there refers to what does not: {missing}"
    remedy = f"Add {missing} to this destination's objects, unless it has them from another destination."
    return [warning(destination.name, "objects", text, remedy)]
