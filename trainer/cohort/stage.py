"""The stage as a whole: an archive and a clinical table in, the cohort's manifest out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from ctsma_node.errors import SettingsError
from trainer.cohort.candidate import Candidate
from trainer.cohort.clinical import ClinicalTable, read_clinical
from trainer.cohort.drawn import all_drawn
from trainer.cohort.entries import finding_entries, pair_entry
from trainer.cohort.findings import Finding, PatientKey, found
from trainer.cohort.folds import assign_folds, oa_class
from trainer.cohort.manifest import MANIFEST, CohortManifest, read_manifest
from trainer.cohort.pairing import Pair, pair
from trainer.cohort.pseudonym import SECRET_FILE, Pseudonyms, read_secret
from trainer.cohort.request import Advance, CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.sides import settle_sides
from trainer.cohort.usable import usable_series
from trainer.cohort.write import write_cohort


def run(request: CohortRequest, advance: Advance = lambda what, done, total: None) -> CohortManifest:
    """Make the manifest of an archive and write it to `request.out`.

    Raises FileNotFoundError, NotADirectoryError, TableError or SettingsError for what stops it as a whole;
    everything else is a finding in the manifest.
    """
    table, findings = read_clinical(request.clinical) if request.clinical else (ClinicalTable(), [])
    candidates, namesakes, noticed = usable_series(request, advance)
    findings += noticed
    pairs, noticed = _pairs(candidates, table, request.settings)
    findings += noticed + _unmatched(pairs, table)
    manifest = _manifest(request, pairs, table, namesakes, findings)
    write_cohort(request.out, manifest)
    return manifest


def _pairs(
    candidates: Iterable[Candidate], table: ClinicalTable, settings: CohortSettings
) -> tuple[list[Pair], list[Finding]]:
    of_patient: defaultdict[PatientKey, list[Candidate]] = defaultdict(list)
    for each in candidates:
        of_patient[each.patient].append(each)
    pairs, findings = [], []
    for patient in sorted(of_patient):
        settled, noticed = settle_sides(of_patient[patient], table.sides(patient.patient_id), settings)
        made, left = pair(settled, settings)
        pairs += made
        findings += noticed + left
    return pairs, findings


def _unmatched(pairs: Sequence[Pair], table: ClinicalTable) -> list[Finding]:
    """Pairs without a row, and rows without a pair."""
    if not table.name:
        return []
    used = {row.row: row for each in pairs if (row := table.of(each.patient.patient_id, each.side))}
    missing = [
        found("clinical_missing", each.mr.path, left_out=False, patient=each.patient)
        for each in pairs
        if table.of(each.patient.patient_id, each.side) is None
    ]
    idle = [row for row in table.rows.values() if row.row not in used]
    return missing + [
        found("clinical_no_images", table=table.name, row=row.row)
        for row in sorted(idle, key=lambda r: r.row)
    ]


def _manifest(
    request: CohortRequest,
    pairs: Sequence[Pair],
    table: ClinicalTable,
    namesakes: Sequence[frozenset[PatientKey]],
    findings: Sequence[Finding],
) -> CohortManifest:
    request.out.mkdir(parents=True, exist_ok=True)
    names = Pseudonyms(read_secret(request.secret or request.out / SECRET_FILE), request.keep_ids)
    _told_apart(pairs, names)
    classes = _worst_class(pairs, table, names)
    together = [frozenset(map(names.of, keys)) for keys in namesakes]
    settings = request.settings
    before = _previous_folds(request.out, settings)
    folds = assign_folds(classes, together, before, folds=settings.folds, seed=settings.fold_seed)
    entries = [
        pair_entry(
            each,
            names.of(each.patient),
            folds[names.of(each.patient)],
            table.of(each.patient.patient_id, each.side),
        )
        for each in pairs
    ]
    return CohortManifest(
        settings=settings,
        clinical_sha256=sha256(request.clinical.read_bytes()).hexdigest() if request.clinical else "",
        ids_kept=request.keep_ids,
        pairs=tuple(sorted(entries, key=lambda entry: entry.pair_id)),
        left_out=finding_entries((each for each in findings if each.left_out), names),
        remarks=finding_entries((each for each in findings if not each.left_out), names),
        namesakes=tuple(sorted(tuple(sorted(keys)) for keys in together)),
        folds=dict(sorted((before | folds).items())),
        drawn=all_drawn(request.archive, entries),
    )


def _told_apart(pairs: Iterable[Pair], names: Pseudonyms) -> None:
    """Each pseudonym is one patient's."""
    of: dict[str, PatientKey] = {}
    for each in pairs:
        if of.setdefault(names.of(each.patient), each.patient) != each.patient:
            raise SettingsError("Patient IDs of two issuers are alike: run without --keep-ids")


def _worst_class(pairs: Iterable[Pair], table: ClinicalTable, names: Pseudonyms) -> dict[str, str]:
    """Each patient's class by the higher KL grade of the two knees."""
    worst: dict[str, int] = {}
    for each in pairs:
        row = table.of(each.patient.patient_id, each.side)
        kl = row.kl if row and row.kl is not None else -1
        name = names.of(each.patient)
        worst[name] = max(worst.get(name, -1), kl)
    return {name: oa_class(None if kl < 0 else kl) for name, kl in worst.items()}


def _previous_folds(out: Path, settings: CohortSettings) -> dict[str, int]:
    """Folds by the earlier manifests in the same folder, which patients keep."""
    if not (out / MANIFEST).exists():
        return {}
    try:
        previous = read_manifest(out)
    except SettingsError:  # of an earlier version
        return {}
    before = (previous.settings.folds, previous.settings.fold_seed)
    if before != (settings.folds, settings.fold_seed):
        return {}
    return previous.folds | {each.pseudonym: each.fold for each in previous.pairs}
