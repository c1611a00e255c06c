"""One patient and one study: in all instances of a set the same, and the source's (PS3.3 C.7.1, C.7.2)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.source import Source

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
_DAY = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|1\d|2[0-8])")
_DROPPED = {
    "PatientBirthDate": _DAY,
    "StudyDate": _DAY,
    "StudyTime": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "PatientSex": re.compile(r"[MFO]"),
}
"""May be left empty where the source's value is not plainly of this form; all else is kept as it is."""
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
    texts = {keyword: source.text(keyword) for keyword in (*PATIENT, *STUDY)}
    for instance in instances:
        for keyword, wanted in texts.items():
            found = instance.ds.text(keyword).rstrip("=^")
            if wanted is None or found == wanted:
                continue
            form = _DROPPED.get(keyword)
            if found or form is None or form.fullmatch(wanted):
                sentence = "It differs from what the source says."
                yield instance.finding("patient_or_study", keyword, _CLAUSES[keyword], sentence)
