"""One patient and one study: in all instances of a set the same, and the source's (PS3.3 C.7.1, C.7.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ctsma_node.validation.attributes import Element, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.representation import element_faults
from ctsma_node.validation.source import Source
from ctsma_node.validation.tables import tables

PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
STUDY = (
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
)
_ALWAYS = frozenset(("PatientID", "PatientName", "StudyInstanceUID", "AccessionNumber"))
"""Kept even where the source breaks a rule: an archive files by them."""
COPIED = frozenset((*PATIENT, *STUDY))
_CLAUSES = {**dict.fromkeys(PATIENT, "PS3.3 C.7.1.1"), **dict.fromkeys(STUDY, "PS3.3 C.7.2.1")}


def check_one_patient_and_study(instances: Sequence[Instance]) -> Iterator[Finding]:
    """Instances of one study say the same of patient and study as most of them do."""
    studies: dict[str, list[Instance]] = {}
    for instance in instances:
        studies.setdefault(instance.ds.text("StudyInstanceUID"), []).append(instance)
    for members in studies.values():
        for keyword in (*PATIENT, *STUDY):
            texts = [instance.ds.text(keyword) for instance in members]
            usual = Counter(texts).most_common(1)[0][0]
            for instance, text in zip(members, texts, strict=True):
                if text != usual:
                    sentence = "It differs from what other instances of the study say."
                    yield instance.finding("patient_or_study", keyword, _CLAUSES[keyword], sentence)


def check_patient_and_study_of(instances: Sequence[Instance], source: Source) -> Iterator[Finding]:
    """Patient and study are the source's; a value that breaks a rule there may be left empty here."""
    for instance in instances:
        for keyword, wanted in source.texts.items():
            found = instance.ds.text(keyword).rstrip("=^")
            if keyword not in COPIED or found == wanted:
                continue
            if found or keyword in _ALWAYS or _is_valid(keyword, wanted):
                sentence = "It differs from what the source says."
                yield instance.finding("patient_or_study", keyword, _CLAUSES[keyword], sentence)


def is_inherited(finding: Finding, instance: Instance, source: Source) -> bool:
    """Whether a finding is about a value that was taken over from the source as it stands there."""
    wanted = source.texts.get(finding.path) if finding.path in COPIED else None
    return bool(wanted) and instance.ds.text(finding.path).rstrip("=^") == wanted


def _is_valid(keyword: str, text: str) -> bool:
    """Whether a value of the source may stand in a result."""
    allowed = tables().enumerated.get(keyword)
    if allowed is not None and text not in allowed:
        return False
    vr = {"PatientBirthDate": "DA", "StudyDate": "DA", "StudyTime": "TM", "PatientSex": "CS"}.get(keyword)
    return vr is None or not element_faults(Element(tag_of(keyword), vr, text.encode()), ("utf-8",))
