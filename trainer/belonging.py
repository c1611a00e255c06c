"""An aggregator belongs to the student whose errors it was trained with: to no other in a bundle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from ctsma_node.errors import SettingsError
from trainer.distillation import shipped
from trainer.distillation.regression_stage import SCANS
from trainer.evaluation.regression import predictions


def check_belongs(record: dict[str, Any], student: Path) -> None:
    """Raises SettingsError where an aggregator's record names another student than that of a folder.

    One that was `asked` is named by its weights, one that was cross-validated by what it answered.
    """
    asked = record["settings"].get("asked_student")
    if asked is not None:
        fits = asked == _weights(student)
    else:
        learned_from = set(record["inputs"].values())
        fits = bool(learned_from) and learned_from <= _answers(student)
    if not fits:
        raise SettingsError(
            f"the aggregator was trained with the errors of another student than that of {student}: "
            "run ctsma-train aggregator again, without --asked"
        )


def _weights(student: Path) -> str:
    """Their sha256 as a bundle has them."""
    return hashlib.sha256(save(load_file(student / shipped.STUDENT))).hexdigest()


def _answers(student: Path) -> set[str]:
    """Digests of its answers about pairs, and about scans where it saw any."""
    files = (student / predictions.FILE, student / SCANS / predictions.FILE)
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}
