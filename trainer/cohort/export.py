"""A cohort's pairs as an archive of their own, de-identified, which the archive reader reads again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ctsma_node.errors import Refused, SettingsError
from trainer.cohort.clinical import COLUMNS
from trainer.cohort.deidentify import Deidentification
from trainer.cohort.export_pair import ARCHIVE, Copy, export_pair, place_of, remove_others
from trainer.cohort.export_record import RECORD, open_record
from trainer.cohort.findings import Finding, PatientKey, from_refusal
from trainer.cohort.manifest import CohortManifest, PairEntry, SeriesEntry
from trainer.cohort.pseudonym import Pseudonyms
from trainer.cohort.write import write_whole

CLINICAL = "clinical.csv"
_OLDEST = 90.0
"""Ages from here on are given as 90: few people are older, and they would be found."""


@dataclass(frozen=True)
class ExportOptions:
    """Options of the profile (PS3.15 E.3)."""

    keep_dates: bool = True
    """Retain Longitudinal Temporal Information with Modified Dates: each patient's dates move together."""
    clean_descriptors: bool = True
    """Clean Descriptors: known words of descriptions stay; otherwise descriptions go whole."""
    retain_uids: bool = False
    """Retain UIDs: whoever has the originals can find them again."""
    alternatives: bool = True
    """Export the other reconstructions of a pair too."""


def export(
    manifest: CohortManifest,
    archive: Path,
    out: Path,
    secret: bytes,
    options: ExportOptions,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """Write `out`/archive, clinical.csv and export.json; returns what could not be exported and why.

    Series that are there already, of the same source, are passed over, so that an export that was stopped
    goes on. A pair of which one series is refused is left out whole. What is of no pair of the export is
    removed from `out`/archive: who has left the cohort leaves its copy. Raises SettingsError where `out`
    holds an export with other options or by another secret, or an archive that is no export.
    """
    _no_other_archive(archive, out)
    pseudonyms = Pseudonyms(secret)
    copy = Copy(archive, out, open_record(out, asdict(options), pseudonyms.mark("secret")))
    findings: list[Finding] = []
    rows = []
    places: set[str] = set()
    for done, pair in enumerate(manifest.pairs, start=1):
        patient = _patient(pair, manifest, pseudonyms)
        entries = _entries(pair, patient, pseudonyms, options)
        try:
            export_pair(entries, copy, _deidentification(patient, pseudonyms, options))
            rows.append((patient, pair))
            places |= entries.keys()
        except Refused as refusal:
            findings.append(from_refusal(refusal, pair.ct.folder))
        advance(done, len(manifest.pairs))
    if rows or not _nothing_read(findings):
        copy.record.keep(places)
        remove_others(copy.root, {copy.root / place for place in places})
        write_whole(out / CLINICAL, _clinical_table(rows))
    return findings


def _no_other_archive(archive: Path, out: Path) -> None:
    """Only an export's own archive may have things removed from it, never the one that is exported."""
    source, target = archive.resolve(), (out / ARCHIVE).resolve()
    if target == source or target in source.parents:
        raise SettingsError(f"{out}: the copy would take the archive's own place: take another folder")
    if not (out / RECORD).exists() and target.exists():
        raise SettingsError(f"{target} is no export (there is no {out / RECORD}): take another folder")


def _nothing_read(findings: Sequence[Finding]) -> bool:
    """Rather an archive that is not mounted than a cohort that everybody has left."""
    return bool(findings) and {each.code for each in findings} == {"unreadable_files"}


def _patient(pair: PairEntry, manifest: CohortManifest, pseudonyms: Pseudonyms) -> str:
    """The pseudonym; made here where the manifest kept the archive's own IDs."""
    return pseudonyms.of(PatientKey("", pair.pseudonym)) if manifest.ids_kept else pair.pseudonym


def _entries(
    pair: PairEntry, patient: str, pseudonyms: Pseudonyms, options: ExportOptions
) -> dict[str, SeriesEntry]:
    """The series of a pair by their places."""
    others = (*pair.ct_alternatives, *pair.mr_alternatives) if options.alternatives else ()
    return {place_of(each, patient, pair.side, pseudonyms): each for each in (pair.ct, pair.mr, *others)}


def _deidentification(patient: str, pseudonyms: Pseudonyms, options: ExportOptions) -> Deidentification:
    return Deidentification(
        pseudonyms,
        patient,
        pseudonyms.days(PatientKey("", patient)),
        keep_dates=options.keep_dates,
        clean_descriptors=options.clean_descriptors,
        retain_uids=options.retain_uids,
    )


def _clinical_table(rows: Iterable[tuple[str, PairEntry]]) -> str:
    content = io.StringIO()
    writer = csv.DictWriter(content, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for patient, pair in rows:
        line: dict[str, object] = {"patient_id": patient, "side": pair.side}
        if pair.clinical:
            clinical = pair.clinical
            line |= {f"moaks_{name}": score for name, score in clinical.moaks_cartilage.items()}
            line |= {"kl": clinical.kl, "sex": clinical.sex, "bmi": clinical.bmi}
            line["age"] = None if clinical.age is None else min(clinical.age, _OLDEST)
        writer.writerow(line)
    return content.getvalue()
