"""Why a series that could be analysed is not: stable codes and their sentences.

The rules for sentences are those of `ctsma_node.assemble.refusals`: a sibling is named by its number.
"""

from __future__ import annotations

from ctsma_node.errors import Refused

REASONS: dict[str, str] = {
    "excluded_by_rule": "Rule {rule} of [choice] in the settings excludes series like this one.",
    "not_chosen": (
        "{sibling} of the same study shows the same knees and {why}: one series of each knee is analysed "
        "([choice] best_only and rules in the settings)."
    ),
}


def refused(code: str, **figures: object) -> Refused:
    """The refusal of one code, its sentence completed."""
    return Refused(code, REASONS[code].format(**figures))
