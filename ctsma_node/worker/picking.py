"""Holds a case against the rest of its study: analysed now, later, or not at all."""

from __future__ import annotations

from collections.abc import Callable

from ctsma_node.assemble import Series
from ctsma_node.choice import Candidate, Stands, choose, describe, refuse_excluded
from ctsma_node.config import ChoiceSettings
from ctsma_node.errors import Deferred
from ctsma_node.records import Case
from ctsma_node.worker.siblings import Siblings

LOOK_AGAIN_S = 15.0
"""A case that waits for a sibling is woken when that has moved; this is for a wake that was lost."""


class Picking:
    """The site's rules and the study's other series, for the chain's first step."""

    def __init__(self, settings: ChoiceSettings, siblings: Siblings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._siblings = siblings
        self._clock = clock

    def refuse_excluded(self, series: Series) -> None:
        """Raises Refused `excluded_by_rule`."""
        if self._settings.rules:
            refuse_excluded(self._settings.rules, candidate_of(series))

    def refuse_or_wait(self, case: Case, series: Series) -> None:
        """Return where the case is to be analysed now; raises Refused `not_chosen`, or Deferred."""
        if not self._settings.best_only:
            return
        now = self._clock()
        study_ends_at = self._siblings.last_instance_at(case) + self._settings.study_quiet_s
        if self._settings.study_quiet_s and study_ends_at > now:
            raise Deferred(study_ends_at, "waiting_for_study", "Other series of the study may still come.")
        patient = now < case.last_instance_at + self._settings.sibling_wait_s
        siblings = [each for each in self._siblings.of(case) if patient or each.stands is not Stands.ARRIVING]
        better = choose(candidate_of(series), siblings, self._settings.rules) if siblings else None
        if better is not None:
            number = "Another series" if better.series_number is None else f"Series {better.series_number}"
            reason = f"{number} of the same study suits the analysis better and goes first."
            raise Deferred(now + LOOK_AGAIN_S, "waiting_for_sibling", reason)


def candidate_of(series: Series) -> Candidate:
    """A series as it is compared with others."""
    frame = series.frames[len(series.frames) // 2]
    return describe(series.frames, series.header_of(frame))
