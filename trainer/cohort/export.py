"""A cohort's pairs as an archive of their own, de-identified, which the archive reader reads again."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ctsma_node.errors import Refused, SettingsError
from trainer.cohort.clinical import COLUMNS
from trainer.cohort.deidentify import Deidentification
from trainer.cohort.export_series import export_dicom, export_nifti
from trainer.cohort.findings import Finding, PatientKey, from_refusal
from trainer.cohort.manifest import CohortManifest, PairEntry, SeriesEntry
from trainer.cohort.pseudonym import Pseudonyms
from trainer.cohort.write import write_whole

ARCHIVE, CLINICAL, RECORD, UNFINISHED = "archive", "clinical.csv", "export.json", ".unfinished"
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

    Series that are there already are passed over, so that an export that was stopped goes on. A pair of which
    one series is refused is left out whole. Raises SettingsError where `out` holds an export with other
    options.
    """
    _same_options(out, options)
    pseudonyms = Pseudonyms(secret)
    findings: list[Finding] = []
    rows = []
    for done, pair in enumerate(manifest.pairs, start=1):
        patient = _patient(pair, manifest, pseudonyms)
        try:
            _export_pair(pair, patient, archive, out, pseudonyms, options)
            rows.append((patient, pair))
        except Refused as refusal:
            findings.append(from_refusal(refusal, pair.ct.folder))
        advance(done, len(manifest.pairs))
    write_whole(out / CLINICAL, _clinical_table(rows))
    return findings


def _same_options(out: Path, options: ExportOptions) -> None:
    record, content = out / RECORD, json.dumps(asdict(options), indent=1) + "\n"
    if record.exists() and record.read_text(encoding="utf-8") != content:
        raise SettingsError(f"{out} holds an export with other options (see {record}): take another folder")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(record, content)


def _patient(pair: PairEntry, manifest: CohortManifest, pseudonyms: Pseudonyms) -> str:
    """The pseudonym; made here where the manifest kept the archive's own IDs."""
    return pseudonyms.of(PatientKey("", pair.pseudonym)) if manifest.ids_kept else pair.pseudonym


def _export_pair(
    pair: PairEntry, patient: str, archive: Path, out: Path, pseudonyms: Pseudonyms, options: ExportOptions
) -> None:
    """Series appear whole and together, or not at all."""
    how = Deidentification(
        pseudonyms,
        patient,
        pseudonyms.days(PatientKey("", patient)),
        keep_dates=options.keep_dates,
        clean_descriptors=options.clean_descriptors,
        retain_uids=options.retain_uids,
    )
    others = (*pair.ct_alternatives, *pair.mr_alternatives) if options.alternatives else ()
    unfinished = out / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    made: dict[Path, Path] = {}
    try:
        for entry in (pair.ct, pair.mr, *others):
            target = out / ARCHIVE / patient / _folder(entry, pair.side, pseudonyms)
            if not target.exists():
                made[unfinished / str(len(made))] = target
                _export_series(entry, archive, list(made)[-1], how)
        for folder, target in made.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _folder(entry: SeriesEntry, side: str, pseudonyms: Pseudonyms) -> str:
    """A name that follows from the series: a CT of both knees is exported once."""
    if entry.source == "nifti":
        return f"{side}/{entry.modality.lower()}.nii.gz"
    return f"{entry.modality}-{pseudonyms.uid(entry.series_uid)[-8:]}"


def _export_series(entry: SeriesEntry, archive: Path, target: Path, how: Deidentification) -> None:
    if entry.source == "nifti":
        export_nifti(entry, archive, target)
    else:
        export_dicom(entry, archive, target, how)


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
