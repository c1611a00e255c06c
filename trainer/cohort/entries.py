"""Pairs and findings to the entries of the manifest: keys become pseudonyms, dates become days."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence

from trainer.cohort.candidate import Candidate
from trainer.cohort.clinical import MOAKS, ClinicalRow
from trainer.cohort.findings import Finding, PatientKey
from trainer.cohort.folds import oa_class
from trainer.cohort.manifest import ClinicalEntry, FindingEntry, PairEntry, SeriesEntry
from trainer.cohort.pairing import Pair
from trainer.cohort.pseudonym import Pseudonyms


def pair_entry(pair: Pair, pseudonym: str, fold: int, row: ClinicalRow | None) -> PairEntry:
    """One pair as the manifest has it."""
    return PairEntry.model_validate(
        {
            "pair_id": f"{pseudonym}-{pair.side}",
            "pseudonym": pseudonym,
            "side": pair.side,
            "side_source": {"ct": pair.ct.side_source, "mr": pair.mr.side_source},
            "fold": fold,
            "oa_class": oa_class(row.kl if row else None),
            "days": pair.days,
            "ct": series_entry(pair.ct),
            "mr": series_entry(pair.mr),
            "ct_alternatives": tuple(map(series_entry, pair.ct_alternatives)),
            "mr_alternatives": tuple(map(series_entry, pair.mr_alternatives)),
            "clinical": _clinical(row),
        }
    )


def series_entry(candidate: Candidate) -> SeriesEntry:
    """One series as the manifest has it."""
    folder = _folder(candidate.files)
    skipped = len(folder) + 1 if folder else 0
    return SeriesEntry.model_validate(
        {
            "modality": candidate.modality,
            "source": candidate.source,
            "shows": candidate.side,
            "folder": folder,
            "files": tuple(path[skipped:] for path in candidate.files),
            "size": candidate.size,
            "spacing_mm": candidate.spacing,
            "affine": candidate.affine,
            "series_uid": candidate.series_uid,
            "study_uid": candidate.study_uid,
            "frame_of_reference_uid": candidate.frame_of_reference_uid,
            "kernel": candidate.kernel,
            "sequence": candidate.sequence,
            "sha256": candidate.sha256,
        }
    )


def finding_entries(findings: Iterable[Finding], pseudonyms: Pseudonyms) -> tuple[FindingEntry, ...]:
    """Findings in a fixed order, each once."""
    entries = {
        FindingEntry(
            code=each.code,
            path=each.path,
            text=each.text,
            pseudonym=_pseudonym(each.patient, pseudonyms),
            series_uid=each.series_uid,
        )
        for each in findings
    }
    return tuple(sorted(entries, key=lambda entry: (entry.code, entry.path, entry.series_uid, entry.text)))


def _pseudonym(patient: PatientKey | None, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.of(patient) if patient is not None and patient.patient_id else ""


def _folder(files: Sequence[str]) -> str:
    """The deepest folder that holds all files, "" for the root."""
    return os.path.commonpath([os.path.dirname(path) for path in files])  # noqa: PTH120 (no file is touched)


def _clinical(row: ClinicalRow | None) -> ClinicalEntry | None:
    if row is None:
        return None
    scores = {name.removeprefix("moaks_"): score for name, score in zip(MOAKS, row.moaks, strict=True)}
    return ClinicalEntry.model_validate(
        {"kl": row.kl, "moaks_cartilage": scores, "age": row.age, "sex": row.sex, "bmi": row.bmi}
    )
