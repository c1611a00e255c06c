"""An archive to the series that can be paired, and what was noticed of all others."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.cohort import nifti
from trainer.cohort.candidate import Candidate
from trainer.cohort.findings import Finding, PatientKey
from trainer.cohort.grouping import Group, group
from trainer.cohort.judge import judge
from trainer.cohort.patients import Patients, identify, with_issuers
from trainer.cohort.request import Advance, CohortRequest
from trainer.cohort.scan import scan
from trainer.cohort.verify import decodable


def usable_series(
    request: CohortRequest, advance: Advance
) -> tuple[list[Candidate], list[frozenset[PatientKey]], list[Finding]]:
    """Candidates, sets of patients whom only an ID tells apart, and findings."""
    archive = request.archive
    content = scan(archive, request.jobs, lambda done, all_: advance("headers", done, all_), _known(request))
    groups, findings = group(archive, content.instances)
    groups = with_issuers(groups)
    patients = identify(groups, allow_equal_names=request.settings.allow_equal_names)
    candidates, judged = _judged(request, groups, patients, advance)
    listed, noticed = _listed_nifti(request, content.nifti)
    more, refused = nifti.candidates(archive, listed, request.settings)
    candidates += more
    findings += content.findings + judged + patients.findings + noticed + refused
    if request.verify:
        candidates, noticed = decodable(archive, candidates, lambda done, all_: advance("pixels", done, all_))
        findings += noticed
    return candidates, patients.namesakes, findings


def _judged(
    request: CohortRequest, groups: Sequence[Group], patients: Patients, advance: Advance
) -> tuple[list[Candidate], list[Finding]]:
    candidates: list[Candidate] = []
    findings: list[Finding] = []
    for done, each in enumerate(groups, start=1):
        judged = judge(request.archive, each, request.settings)
        findings += judged.findings
        if judged.candidate and judged.candidate.patient not in patients.excluded:
            candidates.append(judged.candidate)
        advance("series", done, len(groups))
    return candidates, findings


def _known(request: CohortRequest) -> frozenset[str]:
    """The tables, where they lie within the archive: no foreign files."""
    tables = [path.resolve() for path in (request.clinical, request.nifti_pairs) if path]
    root = request.archive.resolve()
    return frozenset(path.relative_to(root).as_posix() for path in tables if path.is_relative_to(root))


def _listed_nifti(request: CohortRequest, files: Sequence[str]) -> tuple[list[nifti.Listed], list[Finding]]:
    listed, findings = (
        nifti.by_table(request.nifti_pairs, request.archive) if request.nifti_pairs else ([], [])
    )
    taken = {path for each in listed for path in each.files.values()}
    more, noticed = nifti.by_folder(path for path in files if path not in taken)
    return listed + more, findings + noticed
