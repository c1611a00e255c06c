"""Odd structures of headers: sequences, private and retired attributes, representations, multi-frame."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    LegacyConvertedEnhancedCTImageStorage,
)

from tests.unit.report.odd_headers import OddHeader, having, item, raw


def _add_private(ds: Dataset, creator: str) -> None:
    """A private attribute; without a private creator where that is empty (PS3.5 7.8.1)."""
    if creator:
        ds.add_new(0x00110010, "LO", creator)
    ds.add_new(0x00111001, "LO", "private")


def _code_with_private() -> Dataset:
    code = item(**_CODE)
    _add_private(code, "ACME 1.0")
    return code


_CODE = {"CodeValue": "77477000", "CodingSchemeDesignator": "SCT", "CodeMeaning": "CT"}
_LONG_CODE = "CTKNEEWITHOUTCONTRASTLEFT"
_OTHER_ID = {"PatientID": "X-9", "IssuerOfPatientID": "ELSEWHERE", "TypeOfPatientID": "TEXT"}
_REFERENCE = {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1", "ReferencedSOPInstanceUID": "1.2.3.4"}
_TRIAL = {"ClinicalTrialSponsorName": "S", "ClinicalTrialProtocolID": "P"}
_ISSUER = {"UniversalEntityID": "1.2.3", "UniversalEntityIDType": "ISO"}

SEQUENCES = [
    OddHeader(
        "issuer of the patient ID with qualifiers",
        having(
            IssuerOfPatientIDQualifiersSequence=[
                item(**_ISSUER, AssigningFacilitySequence=[item(LocalNamespaceEntityID="WARD 3")])
            ]
        ),
        {"IssuerOfPatientID": "HOSPITAL", "IssuerOfPatientIDQualifiersSequence": "1.2.3 ISO WARD 3"},
        conforms=True,
    ),
    OddHeader(
        "other patient IDs",
        having(OtherPatientIDsSequence=[item(**_OTHER_ID)]),
        {"OtherPatientIDsSequence": "X-9 ELSEWHERE TEXT"},
        conforms=True,
    ),
    OddHeader(
        "another patient ID without a type",
        having(OtherPatientIDsSequence=[item(PatientID="X-8"), item(**_OTHER_ID)]),
        {"OtherPatientIDsSequence": "X-9 ELSEWHERE TEXT"},
    ),
    OddHeader(
        "an empty item of a code sequence",
        having(ProcedureCodeSequence=[item()]),
        {"ProcedureCodeSequence": None},
    ),
    OddHeader(
        "a long code value",
        having(ProcedureCodeSequence=[item(**_CODE | {"CodeValue": _LONG_CODE})]),
        {"ProcedureCodeSequence": f"SCT CT {_LONG_CODE}"},
    ),
    OddHeader(
        "a long coding scheme",
        having(ProcedureCodeSequence=[item(**_CODE | {"CodingSchemeDesignator": "99KLINIKUMSUEDSTADT"})]),
        {"ProcedureCodeSequence": None},
    ),
    OddHeader(
        "a version that is no date",
        having(ProcedureCodeSequence=[item(**_CODE, ContextIdentifier="7", ContextGroupVersion="1.0")]),
        {"ProcedureCodeSequence": "77477000 SCT CT"},
    ),
    OddHeader(
        "other patient IDs that break a rule",
        having(
            OtherPatientIDsSequence=[
                item(**_OTHER_ID | {"PatientID": "X" * 70}),
                item(**_OTHER_ID | {"PatientID": "123\\456"}),
                item(**_OTHER_ID | {"IssuerOfPatientID": "I" * 70}),
            ]
        ),
        {"OtherPatientIDsSequence": "X-9 TEXT"},
    ),
    OddHeader(
        "a code without a meaning",
        having(ProcedureCodeSequence=[item(CodeValue="1", CodingSchemeDesignator="L"), item(**_CODE)]),
        {"ProcedureCodeSequence": "77477000 SCT CT"},
    ),
    OddHeader(
        "a private attribute within an item",
        having(ProcedureCodeSequence=[_code_with_private()]),
        {"ProcedureCodeSequence": "77477000 SCT CT"},
        conforms=True,
    ),
    OddHeader(
        "study and request referred to",
        having(
            ReferencedStudySequence=[item(**_REFERENCE)],
            RequestAttributesSequence=[item(ScheduledProcedureStepID="1", RequestedProcedureID="2")],
        ),
        {"ReferencedStudySequence": "1.2.840.10008.3.1.2.3.1 1.2.3.4", "RequestAttributesSequence": None},
        conforms=True,
    ),
    OddHeader(
        "a study reference without an instance",
        having(ReferencedStudySequence=[item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1")]),
        {"ReferencedStudySequence": None},
    ),
    OddHeader(
        "a clinical trial",
        having(
            **_TRIAL,
            ClinicalTrialProtocolName="",
            ClinicalTrialSiteID="",
            ClinicalTrialSiteName="",
            ClinicalTrialSubjectID="7",
        ),
        {"ClinicalTrialSubjectID": "7"},
        conforms=True,
    ),
    OddHeader(
        "half a clinical trial",
        having(ClinicalTrialProtocolID="P", ClinicalTrialTimePointDescription="baseline"),
        {"ClinicalTrialProtocolID": None, "ClinicalTrialTimePointID": ""},
    ),
    OddHeader(
        "de-identified, by what is not said",
        having(PatientIdentityRemoved="YES"),
        {"PatientIdentityRemoved": None},
    ),
    OddHeader(
        "de-identified",
        having(PatientIdentityRemoved="YES", DeidentificationMethod="basic profile"),
        {"PatientIdentityRemoved": "YES"},
        conforms=True,
    ),
]

STRUCTURES = [
    OddHeader("private attributes", lambda ds: _add_private(ds, "ACME 1.0"), conforms=True),
    OddHeader("private attributes of nobody", lambda ds: _add_private(ds, "")),
    OddHeader(
        "retired attributes",
        raw(OtherPatientIDs=b"OLD-1", StudyComments=b"old", MilitaryRank=b"Cpt"),
        {"OtherPatientIDs": None, "StudyComments": None, "MilitaryRank": None},
    ),
    OddHeader(
        "known attributes as UN",
        raw("UN", PatientID=b"P-17", PatientName=b"Smith^John", PatientSex=b"F "),
        {"PatientID": "P-17", "PatientName": "Smith^John", "PatientSex": "F"},
    ),
    OddHeader(
        "identifiers in other representations",
        raw("SH", PatientID=b"P-17", PatientBirthDate=b"19550312"),
        {"PatientID": "P-17", "PatientBirthDate": "19550312"},
    ),
    OddHeader("implicit VR", having(), conforms=True, syntax=ImplicitVRLittleEndian),
    OddHeader("big endian", having(), conforms=True, syntax=ExplicitVRBigEndian),
    OddHeader(
        "deflated",
        having(),
        refused={"assemble": "unsupported_transfer_syntax"},  # read from a folder; the receiver offers none
        syntax=DeflatedExplicitVRLittleEndian,
    ),
    OddHeader("Enhanced CT", having(), sop_class=EnhancedCTImageStorage),
    OddHeader("Legacy Converted CT", having(), sop_class=LegacyConvertedEnhancedCTImageStorage),
    OddHeader(
        "compressed with a ratio that cannot be read",
        raw(LossyImageCompression=b"01", LossyImageCompressionRatio=b"10\\x"),
        {"LossyImageCompression": "01", "LossyImageCompressionRatio": None},
    ),
    OddHeader(
        "compressed with an odd ratio",
        raw(LossyImageCompression=b"01", LossyImageCompressionRatio=b"10:1"),
        {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"},
    ),
]
