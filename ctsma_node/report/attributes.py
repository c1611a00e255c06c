"""Attributes that the objects take over from the source, by keyword."""

TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
"""Of patient and study: always present in an object, empty where the source has no valid value."""

CLINICAL_TRIAL_SUBJECT = (
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
)
"""A module (PS3.3 C.7.1.3) that a source may hold in part."""

PATIENT_AND_STUDY = (
    # Patient (PS3.3 C.7.1.1)
    "ReferencedPatientSequence",
    "IssuerOfPatientID",
    "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthTime",
    "QualityControlSubject",
    "OtherPatientNames",
    "OtherPatientIDsSequence",
    "EthnicGroup",
    "PatientComments",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    *CLINICAL_TRIAL_SUBJECT,
    # General Study (C.7.2.1)
    "StudyInstanceUID",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ConsultingPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "ReferencedStudySequence",
    "ProcedureCodeSequence",
    # Patient Study (C.7.2.2)
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "MedicalAlerts",
    "Allergies",
    "Occupation",
    "SmokingStatus",
    "AdditionalPatientHistory",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ServiceEpisodeID",
    "ServiceEpisodeDescription",
    "PatientState",
    # Clinical Trial Study (C.7.2.3)
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
    # SOP Common (C.12.1)
    "TimezoneOffsetFromUTC",
)
"""Of patient and study: copied where they are there."""

AS_FOUND = frozenset(
    {"PatientName", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", "StudyID", "AccessionNumber"}
)
"""By these an archive and a RIS find patient, study and order: copied even where they break a rule."""

WHOLE = frozenset(
    {
        "PatientID",
        "IssuerOfPatientID",
        "AccessionNumber",
        "StudyID",
        "AdmissionID",
        "ServiceEpisodeID",
        "CodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "LocalNamespaceEntityID",
        "UniversalEntityID",
        "ClinicalTrialProtocolID",
        "ClinicalTrialSiteID",
        "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
        "ClinicalTrialTimePointID",
        "DeviceSerialNumber",
    }
)
"""What names something: a part of it, or two in one, would name something else."""

_TRIAL = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
REQUIRED_BESIDE: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    CLINICAL_TRIAL_SUBJECT: (
        (*_TRIAL, "ClinicalTrialSubjectID"),
        (*_TRIAL, "ClinicalTrialSubjectReadingID"),
    ),
    ("PatientIdentityRemoved",): (("DeidentificationMethod",), ("DeidentificationMethodCodeSequence",)),
}
"""Attributes that say nothing without others: copied where all of one of the alternatives are there."""

TYPE_2_BESIDE = {
    "ClinicalTrialProtocolID": ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName"),
    "ClinicalTrialTimePointDescription": ("ClinicalTrialTimePointID",),
}
"""What is there, empty at least, where another attribute of its module is."""

REQUIRED_IN_ITEM: dict[str, tuple[tuple[str, ...], ...]] = {
    # Code Sequence (table 8.8-1): a value of one of three kinds
    "CodeSequence": (
        ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"),
        ("LongCodeValue", "CodingSchemeDesignator", "CodeMeaning"),
        ("URNCodeValue", "CodeMeaning"),
    ),
    # SOP Instance Reference (table 10-11)
    "ReferencedPatientSequence": (("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),),
    "ReferencedStudySequence": (("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),),
    "OtherPatientIDsSequence": (("PatientID", "TypeOfPatientID"),),
    # Issuer of Patient ID (table 10-18)
    "IssuerOfPatientIDQualifiersSequence": (
        ("UniversalEntityID", "UniversalEntityIDType"),
        ("AssigningFacilitySequence",),
        ("AssigningJurisdictionCodeSequence",),
        ("AssigningAgencyOrDepartmentCodeSequence",),
        ("IdentifierTypeCode",),
    ),
    # HL7v2 Hierarchic Designator (table 10-17)
    **dict.fromkeys(
        ("IssuerOfAccessionNumberSequence", "IssuerOfAdmissionIDSequence", "AssigningFacilitySequence"),
        (("LocalNamespaceEntityID",), ("UniversalEntityID", "UniversalEntityIDType")),
    ),
}
"""What an item must hold to be copied, by its sequence: all of one of the alternatives."""

EQUIPMENT = (
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "DeviceSerialNumber",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
)
"""Of the scanner: what an item of Contributing Equipment may say (PS3.3 C.12.1)."""

LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""How the source's pixels were compressed (C.7.6.1.1.5)."""
