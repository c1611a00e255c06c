"""Choice: which of a study's series is analysed, by the site's rules and by what suits the method. Pure."""

from ctsma_node.choice.candidate import Candidate, describe
from ctsma_node.choice.choose import Sibling, Stands, choose, in_order
from ctsma_node.choice.refusals import REASONS
from ctsma_node.choice.rules import first_match, refuse_excluded

__all__ = [
    "REASONS",
    "Candidate",
    "Sibling",
    "Stands",
    "choose",
    "describe",
    "first_match",
    "in_order",
    "refuse_excluded",
]
