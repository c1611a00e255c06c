"""Decode every pixel of the usable series, so that later stages meet no broken one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ctsma_node.errors import Refused
from trainer.cohort.candidate import Candidate
from trainer.cohort.entries import series_entry
from trainer.cohort.findings import Finding, from_refusal
from trainer.cohort.images import read_ct, read_mr


def decodable(
    archive: Path, candidates: Sequence[Candidate], advance: Callable[[int, int], None]
) -> tuple[list[Candidate], list[Finding]]:
    """The candidates that can be read as volumes, and a finding for each of the others."""
    kept, findings = [], []
    for done, each in enumerate(candidates, start=1):
        try:
            (read_ct if each.modality == "CT" else read_mr)(series_entry(each), archive)
            kept.append(each)
        except Refused as refusal:
            findings.append(from_refusal(refusal, each.path, each.patient, each.series_uid))
        advance(done, len(candidates))
    return kept, findings
