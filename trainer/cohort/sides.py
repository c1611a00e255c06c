"""Sides of a patient's series settled: what a header does not tell, another source of the patient may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainer.cohort.candidate import Candidate
from trainer.cohort.findings import Finding, found
from trainer.cohort.settings import CohortSettings

Settled = tuple[list[Candidate], list[Finding]]


def settle_sides(
    candidates: Sequence[Candidate], in_table: frozenset[str], settings: CohortSettings
) -> Settled:
    """One patient's candidates with sides R, L or (CT alone) B, and findings.

    An unknown side is the one that all series of the other modality have; else the only one the clinical
    table has of the patient (`in_table`). A CT without side that is wide enough for two legs shows both
    where the patient has MR of both. What stays unknown is left out.
    """
    ct = [each for each in candidates if each.modality == "CT"]
    mr = [
        replace(each, side="") if each.side == "B" else each for each in candidates if each.modality == "MR"
    ]
    mr, of_mr = _settled(mr, _told(ct), "the CT", in_table)
    wide = [_as_both(each, mr, settings) for each in ct]
    ct, of_ct = _settled(wide, _told(mr), "the MR", in_table)
    return [*ct, *mr], [*of_ct, *of_mr]


def _told(candidates: Sequence[Candidate]) -> frozenset[str]:
    return frozenset(each.side for each in candidates if each.side)


def _as_both(each: Candidate, mr: Sequence[Candidate], settings: CohortSettings) -> Candidate:
    if each.side or not _told(mr) >= {"R", "L"} or each.width_mm < settings.both_knees_mm:
        return each
    return replace(each, side="B", side_source="the width of the field of view")


def _settled(
    candidates: Sequence[Candidate], others: frozenset[str], name: str, in_table: frozenset[str]
) -> Settled:
    sources = ((others - {"B"} if "B" not in others else frozenset(), name), (in_table, "the clinical table"))
    only = next(((next(iter(told)), source) for told, source in sources if len(told) == 1), None)
    kept, findings = [], []
    for each in candidates:
        if not each.side and only is None:
            findings.append(
                found("side_unknown", each.path, patient=each.patient, series_uid=each.series_uid)
            )
            continue
        if not each.side and only is not None:
            each = replace(each, side=only[0], side_source=only[1])
        if each.side_source.startswith("the "):
            findings.append(_remark(each))
        kept.append(each)
    return kept, findings


def _remark(each: Candidate) -> Finding:
    return found(
        "side_from_other",
        each.path,
        left_out=False,
        patient=each.patient,
        series_uid=each.series_uid,
        source=each.side_source,
    )
