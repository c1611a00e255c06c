"""Which pairs cannot teach how a knee is staged."""

from __future__ import annotations

from pathlib import Path

from trainer.cli.app import console

_NAMED = 10


def tell_unstaged(patches: Path) -> None:
    """Name the pairs that are left out for want of a grade or scores; without patches nothing is said."""
    from trainer.aggregation.knees import unstaged
    from trainer.patches.store import STORE

    pairs = unstaged(patches) if (patches / STORE).is_dir() else []
    if pairs:
        more = ", ..." * (len(pairs) > _NAMED)
        console.print(
            f"{len(pairs)} pairs are not used: no KL grade or no MOAKS scores in the clinical table: "
            f"{', '.join(pairs[:_NAMED])}{more}",
            style="yellow",
            markup=False,
            highlight=False,
        )
