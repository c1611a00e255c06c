"""One patient's CT and MR to pairs, one for each knee.

Rule, in this order: fewest days between, finest voxels of the CT, sharpest kernel of the CT, finest voxels
of the MR, most voxels. Where two series are equal in all of these they are reported, and the one with the
lower Series Number, then the lower UID, is taken. Two NIfTI files that stand beside one another or in one row
of a table are a pair already: neither is taken with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from ctsma_node.assemble.kernels import sharpness
from trainer.cohort.candidate import Candidate
from trainer.cohort.findings import Finding, PatientKey, found
from trainer.cohort.settings import CohortSettings

_UNKNOWN_DAYS = 10**6
_SIDES = {"R": "the right knee", "L": "the left knee"}


@dataclass(frozen=True)
class Pair:
    """CT and MR of one knee. The alternatives are other reconstructions of the same acquisition."""

    patient: PatientKey
    side: str
    ct: Candidate
    mr: Candidate
    days: int | None
    """From the CT to the MR; negative where the MR came first; None where a date is unknown."""
    ct_alternatives: tuple[Candidate, ...] = ()
    mr_alternatives: tuple[Candidate, ...] = ()


def pair(candidates: Sequence[Candidate], settings: CohortSettings) -> tuple[list[Pair], list[Finding]]:
    """Pairs of one patient whose candidates have their sides, and findings on every series not in a pair."""
    pairs, findings = [], []
    missing: dict[Candidate, Finding] = {}
    for side in _SIDES:
        ct = [each for each in candidates if each.modality == "CT" and each.side in (side, "B")]
        mr = [each for each in candidates if each.modality == "MR" and each.side == side]
        both = [(one, other) for one, other in product(ct, mr) if one.listed == other.listed]
        if both:
            made, noticed = _nearest(side, both, settings)
            pairs += [made] if made else []
            findings += noticed
        matched = {each for combination in both for each in combination}
        for each in [each for each in (*ct, *mr) if each not in matched]:
            code = "no_mr" if each.modality == "CT" else "no_ct"
            missing.setdefault(each, _of(each, code, side=_SIDES[side]))
    used = {each for made in pairs for each in _members(made)}
    # A CT of both knees is left out only where neither side has its pair.
    findings += [finding for each, finding in missing.items() if each not in used]
    named = {finding.series_uid or finding.path for finding in findings if finding.left_out}
    in_pairs = set(map(_name, used))
    rest = [each for each in candidates if _name(each) not in in_pairs | named]
    findings = [f for f in findings if not (f.left_out and (f.series_uid or f.path) in in_pairs)]
    return pairs, findings + [_of(each, "not_chosen") for each in rest]


def _nearest(
    side: str, both: Sequence[tuple[Candidate, Candidate]], settings: CohortSettings
) -> tuple[Pair | None, list[Finding]]:
    """The pair of all combinations of a CT and an MR, and findings; None where even it is too far apart."""
    ct, mr = (list(dict.fromkeys(each[at] for each in both)) for at in (0, 1))
    best_ct, best_mr = min(both, key=lambda each: (_rank(*each), _last(each[0]), _last(each[1])))
    days = _days(best_ct, best_mr)
    if days is not None and abs(days) > settings.max_days:
        return None, [
            _of(each, "too_many_days", days=abs(days), limit=settings.max_days) for each in (*ct, *mr)
        ]
    findings = [] if days is not None else [_of(best_mr, "no_date", left_out=False)]
    alike = [each for each in both if _rank(*each) == _rank(best_ct, best_mr)]
    for at, taken in enumerate((best_ct, best_mr)):
        count = len({_name(each[at]) for each in alike})
        if count > 1:
            findings.append(_of(taken, "two_alike", left_out=False, count=count, modality=taken.modality))
    return (
        Pair(best_ct.patient, side, best_ct, best_mr, days, _others(best_ct, ct), _others(best_mr, mr)),
        findings,
    )


def _rank(ct: Candidate, mr: Candidate) -> tuple[float, ...]:
    days = _days(ct, mr)
    between = _UNKNOWN_DAYS if days is None else abs(days)
    of_ct, of_mr = (float(f"{each.voxel_mm3:.3g}") for each in (ct, mr))
    return (between, of_ct, -sharpness(ct.kernel), of_mr, -prod(ct.size), -prod(mr.size))


def _last(each: Candidate) -> tuple[int, str, str]:
    return each.series_number, each.series_uid, each.path


def _days(ct: Candidate, mr: Candidate) -> int | None:
    if ct.date is None or mr.date is None:
        return None
    return (mr.date - ct.date).days


def _others(taken: Candidate, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Further series of the same study and frame of reference, in the order of the tie-break."""
    same = [
        each
        for each in candidates
        if each != taken
        and taken.study_uid
        and (each.study_uid, each.frame_of_reference_uid) == (taken.study_uid, taken.frame_of_reference_uid)
    ]
    return tuple(sorted(same, key=_last))


def _members(made: Pair) -> tuple[Candidate, ...]:
    return (made.ct, made.mr, *made.ct_alternatives, *made.mr_alternatives)


def _name(each: Candidate) -> str:
    return each.series_uid or each.path


def _of(each: Candidate, code: str, *, left_out: bool = True, **figures: object) -> Finding:
    return found(
        code, each.path, left_out=left_out, patient=each.patient, series_uid=each.series_uid, **figures
    )
