"""One patient and one study: in all instances of a set the same, and the source's (PS3.3 C.7.1, C.7.2)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pydicom.datadict import dictionary_VR

from ctsma_node.validation.attributes import Element, tag_of
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.instance import Instance
from ctsma_node.validation.representation import element_faults
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
_IDENTIFIERS = frozenset(("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "StudyID", "AccessionNumber"))
"""Kept even where the source breaks a rule: an archive files by them."""
_DAY = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|1\d|2[0-8])")
_FORMS = {
    "PatientBirthDate": _DAY,
    "StudyDate": _DAY,
    "StudyTime": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "PatientSex": re.compile(r"[MFO]?"),
}
"""Values that are valid beyond doubt."""
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
    """Patient and study are the source's, but for values that broke a rule and were brought into form."""
    wanted = {keyword: source.text(keyword) for keyword in (*PATIENT, *STUDY)}
    fixed = {k: text for k, text in wanted.items() if text is not None and _is_fixed(k, text, source)}
    for instance in instances:
        for keyword, text in fixed.items():
            if instance.ds.text(keyword).rstrip("=^") != text:
                sentence = "It differs from what the source says."
                yield instance.finding("patient_or_study", keyword, _CLAUSES[keyword], sentence)


def _is_fixed(keyword: str, text: str, source: Source) -> bool:
    """Whether a result can only say what the source says: letters that are no matter of reading, in form."""
    if not source.reads_alike(keyword):
        return False
    if keyword in _IDENTIFIERS:
        return True
    if keyword in _FORMS:
        return _FORMS[keyword].fullmatch(text) is not None
    element = Element(tag_of(keyword), dictionary_VR(keyword), text.encode())
    return not element_faults(element, ("utf_8",))
