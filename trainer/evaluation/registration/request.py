"""What is evaluated, and on which pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer.cohort.manifest import PairEntry
from trainer.synthesis.seen import marks_of, read_seen
from trainer.synthesis.synthesise import weights_digest


@dataclass(frozen=True)
class EvaluationRequest:
    """The archive with its cohort.json, the folder of PSEUDONYM/truth.json, and where the figures go."""

    archive: Path
    cohort: Path
    truth: Path
    out: Path
    bundle: Path | None = None
    syntheses: tuple[Path, ...] = ()
    """Folders of trained syntheses."""
    jobs: int = 1

    def models(self) -> dict[str, str]:
        """Folder and digest of each synthesis' weights: figures of others are not taken for these."""
        return {folder.name: weights_digest(folder) for folder in self.syntheses}


def unseen(request: EvaluationRequest, pairs: list[PairEntry]) -> list[PairEntry]:
    """The pairs of patients whom none of the syntheses was trained on.

    Raises SettingsError where one does not say whom it has seen.
    """
    seen = frozenset().union(*(read_seen(folder) for folder in request.syntheses))
    return [pair for pair in pairs if marks_of(pair).isdisjoint(seen)]
