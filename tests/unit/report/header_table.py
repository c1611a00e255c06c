"""Odd values of single attributes: what stands in a header, and what a result says."""

from __future__ import annotations

from ctsma_node.report.attributes import TYPE_2
from tests.unit.report.odd_headers import OddHeader, raw

LONG = "P" * 70


def _values(keyword: str, *pairs: tuple[str, str | None], conforms: bool = False) -> list[OddHeader]:
    """What is written in an attribute, and what is said of it."""
    return [
        OddHeader(
            f"{keyword} {written!r}", raw(**{keyword: written.encode()}), {keyword: said}, conforms=conforms
        )
        for written, said in pairs
    ]


def _bytes(keyword: str, *pairs: tuple[bytes, str | None], kept: bool = False) -> list[OddHeader]:
    """As `_values`, of letters that are declared as Latin-1."""
    there = frozenset({keyword} if kept else ())
    return [
        OddHeader(f"{keyword} {written!r}", raw(**{keyword: written}), {keyword: said}, there)
        for written, said in pairs
    ]


def _kept(keyword: str, written: str) -> OddHeader:
    """An identifier that breaks a rule and stays as it is."""
    name = f"{keyword} kept {written[:24]!r}"
    return OddHeader(name, raw(**{keyword: written.encode()}), {keyword: written}, frozenset({keyword}))


ABSENT_OR_EMPTY = [
    OddHeader(f"{keyword} {kind}", raw(**{keyword: value}), {keyword: ""})
    for keyword in TYPE_2
    for kind, value in (("absent", None), ("empty", b""))
]

DEMOGRAPHICS = [
    *_values("PatientSex", ("X", ""), ("m", "M"), ("female", "F"), ("W", "")),
    *_values("PatientSex", ("O", "O"), conforms=True),
    *_values("PatientBirthDate", ("1955", ""), ("19551301", ""), ("19550231", ""), ("00000000", "")),
    *_values("PatientBirthDate", ("1955.02.03", "19550203"), ("1955-02-03", "19550203")),
    *_values("PatientBirthDate", ("19550203101500", "19550203"), ("19550203-19560203", "")),
    *_values("PatientAge", ("45", None), ("45Y", "045Y"), ("Y045", None)),
    *_values("PatientWeight", ("82,5", "82.5"), ("heavy", None), ("82.50000000000000001", "82.5")),
    *_values("PatientSize", ("inf", None), ("nan", None), ("1.7999999999999998", "1.8")),
]

STUDY = [
    *_values("StudyDate", ("2026.11.02", "20261102"), ("2 Nov 2026", "")),
    *_values("StudyTime", ("10:15:00", "101500"), ("25", ""), ("101500.123456789", "101500.123456")),
    *_values("StudyTime", ("10", "10"), conforms=True),
    *_values("StudyDescription", ("Knee\\left", "Knee/left"), ("d" * 80, "d" * 64), ("CT Knie\n", "CT Knie")),
    *_values("TimezoneOffsetFromUTC", ("+01:00", "+0100"), ("CET", None), ("+2500", None)),
    *_values("TimezoneOffsetFromUTC", ("-0330", "-0330"), conforms=True),
    *_values("ReferringPhysicianName", ("A=B=C=D", "A=B=C")),
    *_bytes("StudyDescription", (b"\xc4" * 80, "Ä" * 64), (b"Knie\\f\xfcr OP", "Knie/für OP")),
    *_bytes(
        "ReferringPhysicianName", (b"Wei\xdf^U \\M\xfcller^J", "Weiß^U/Müller^J"), (b"\xdf" * 70, "ß" * 64)
    ),
    *_bytes("AdmissionID", (b"A" * 65, None), (b"A1\\A2", None), (b"A1", "A1")),
    OddHeader("no StudyID and AccessionNumber", raw(StudyID=None, AccessionNumber=None)),
    OddHeader(
        "no instant", raw(AcquisitionDate=None, AcquisitionTime=None, SeriesDate=None, StudyTime=b"late")
    ),
]

IDENTIFIERS = [
    _kept("PatientID", LONG),
    _kept("PatientID", "P\\17"),
    _kept("PatientName", "A^B^C^D^E^F^G"),
    _kept("PatientName", "A=B=C=D"),
    _kept("PatientName", "N" * 80),
    _kept("AccessionNumber", "A" * 20),
    _kept("StudyID", "S" * 20),
    _kept("IssuerOfPatientID", "I" * 70),
    _kept("StudyInstanceUID", "1.2.0826.0.1.3680043"),
    OddHeader("FrameOfReferenceUID with a leading zero", raw(FrameOfReferenceUID=b"1.2.0826.0.1")),
    *_values("PatientID", ("P-17\0\0\0", "P-17"), (" P-17 ", "P-17"), ("P-17\0\x01old", "P-17")),
    *_values("PatientName", ("Tarou", "Tarou"), conforms=True),
    *_bytes(
        "AccessionNumber",
        (b"12345 \\ 67890", "12345\\67890"),
        (b"A\t" + b"2" * 20, "A" + "2" * 20),
        kept=True,
    ),
    *_bytes("PatientID", (b"P" * 70 + b"\0old", "P" * 70), (b"P\n" + b"1" * 70, "P" + "1" * 70), kept=True),
    *_bytes("PatientID", (b"P\n17", "P17")),
    *_bytes(
        "PatientName", (b"Meier^A \\M\xfcller^B", "Meier^A\\Müller^B"), (b"\x8a" * 70, "Š" * 70), kept=True
    ),
    *_bytes("PatientName", (b"\x8aimek^Jan", "Šimek^Jan"), (b"\x8a\x81k", "??k")),
    *_bytes("PatientName", (b"O\x92Brien", "O\u2019Brien")),
    OddHeader(
        "AccessionNumber of undeclared letters",
        raw(SpecificCharacterSet=None, AccessionNumber="Ä".encode() + b"2" * 20),
        {"AccessionNumber": "Ä" + "2" * 20},
        frozenset({"AccessionNumber"}),
    ),
    OddHeader("SeriesNumber 5.0", raw(SeriesNumber=b"5.0")),
    OddHeader("SeriesNumber letters", raw(SeriesNumber=b"5a")),
    OddHeader("SeriesNumber absent", raw(SeriesNumber=None)),
    OddHeader("FrameOfReferenceUID absent", raw(FrameOfReferenceUID=None)),
    OddHeader("FrameOfReferenceUID is none", raw(FrameOfReferenceUID=b"left knee")),
    OddHeader("SOPInstanceUID padded", lambda ds: raw(SOPInstanceUID=ds.SOPInstanceUID.encode() + b" ")(ds)),
    *(
        OddHeader(
            f"{keyword} {kind}",
            raw(**{keyword: uid}),
            refused={"receive": "invalid_uid", "report": "invalid_uid"},
        )
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID")
        for kind, uid in (("of 65 characters", b"1." + b"2" * 63), ("with letters", b"1.2.x"))
    ),
    OddHeader(
        "StudyInstanceUID absent",
        raw(StudyInstanceUID=None),
        refused={"receive": "invalid_uid", "report": "missing_uid"},
    ),
]

VALUES = (*ABSENT_OR_EMPTY, *DEMOGRAPHICS, *STUDY, *IDENTIFIERS)
