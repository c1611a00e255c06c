"""An archive with faults, each in a patient of its own, and the code that must name each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import (
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)

from tests.fixtures.paired_archive import ct, datasets, mr, save, save_pair, uid


@dataclass(frozen=True)
class Fault:
    """`plant(root, patient)` puts it into the archive; `pairs` are what is left of the patient."""

    name: str
    code: str
    plant: Callable[[Path, str], object]
    pairs: int = 0

    @property
    def patient(self) -> str:
        return self.name.replace(" ", "-")


def _wrong_side(root: Path, patient: str) -> None:
    save(root, ct(patient, side="L"))
    save(root, mr(patient, side="R"))


def _both_sides_named(root: Path, patient: str) -> None:
    save(root, ct(patient))
    save(root, mr(patient, attributes={"SeriesDescription": "BFFE 3D Knie li. sag"}))


def _mixed_series(root: Path, patient: str) -> None:
    other = {"SeriesInstanceUID": ct(patient).series_uid, "StudyInstanceUID": ct(patient).study_uid}
    save(root, ct(patient))
    save(root, mr(patient, attributes=other))


def _mixed_matrix(root: Path, patient: str) -> None:
    plan = ct(patient)
    save(root, plan)
    save(root, replace(plan, name="b", size=(12, 8), first=(-11.0, 7.0, 9.0),
                       attributes={"SeriesInstanceUID": plan.series_uid}))  # fmt: skip
    save(root, mr(patient))


def _two_patients_in_one_series(root: Path, patient: str) -> None:
    save(root, ct(patient), lambda k, ds: setattr(ds, "PatientID", f"{patient}-{k % 2}"))
    save(root, mr(patient))


def _cut(share: float) -> Callable[[Path, str], None]:
    def plant(root: Path, patient: str) -> None:
        paths, _ = save_pair(root, patient)
        path = sorted(paths)[3]
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return plant


def _gap(root: Path, patient: str) -> None:
    paths, _ = save_pair(root, patient)
    paths[4].unlink()


def _clash(root: Path, patient: str) -> None:
    save_pair(root, patient)
    for path in save(root / "again", ct(patient), _turned)[1:]:
        path.unlink()


def _turned(k: int, ds: Dataset) -> None:
    ds.PixelData = bytes(reversed(ds.PixelData))


def _copy(root: Path, patient: str) -> None:
    paths, _ = save_pair(root, patient)
    (root / patient / "copy of a slice").write_bytes(paths[2].read_bytes())


def _two_people(root: Path, patient: str) -> None:
    save(root, ct(patient))
    save(root, mr(patient, attributes={"PatientBirthDate": "19710203"}))


def _two_ids(root: Path, patient: str) -> None:
    save(root, ct(patient))
    save(root, mr(f"{patient}-2", attributes={"PatientName": f"KNEE^{patient}"}))


def _two_alike(root: Path, patient: str) -> None:
    save_pair(root, patient)
    save(root, ct(patient, name="b", attributes={"SeriesNumber": 3}))


def _beside(**attributes: object) -> Callable[[Path, str], None]:
    """A good pair, and one more MR series that must not be used."""

    def plant(root: Path, patient: str) -> None:
        save_pair(root, patient)
        save(root, mr(patient, name="other", attributes=attributes))

    return plant


def _ct_with(**attributes: object) -> Callable[[Path, str], None]:
    def plant(root: Path, patient: str) -> None:
        save(root, ct(patient, attributes=attributes))
        save(root, mr(patient))

    return plant


def _deflated(root: Path, patient: str) -> None:
    def deflate(k: int, ds: Dataset) -> None:
        ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    save(root, ct(patient), deflate)
    save(root, mr(patient))


def _report(root: Path, patient: str) -> None:
    save_pair(root, patient)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = ComprehensiveSRStorage, uid(patient, "report")
    ds.SeriesInstanceUID, ds.Modality, ds.PatientID = uid(patient, "reports"), "SR", patient
    ds.save_as(root / patient / "report", enforce_file_format=True)


def _file(name: str, content: bytes) -> Callable[[Path, str], None]:
    def plant(root: Path, patient: str) -> None:
        save_pair(root, patient)
        (root / patient / name).write_bytes(content)

    return plant


def _directory(root: Path, patient: str) -> None:
    needed = {"StudyTime": "101500", "StudyID": "1"}
    files = FileSet()
    for plan in (ct(patient, attributes=needed), mr(patient, attributes=needed)):
        for ds in datasets(plan):
            files.add(ds)
    files.write(root / "medium")


def _loop(root: Path, patient: str) -> None:
    save_pair(root, patient)
    (root / patient / "ct" / "back").symlink_to(root / patient, target_is_directory=True)


def _broken_link(root: Path, patient: str) -> None:
    save_pair(root, patient)
    (root / patient / "gone").symlink_to(root / "nowhere")


def _latin_name(root: Path, patient: str) -> None:
    save_pair(root, patient)
    (root / patient / os.fsdecode(b"M\xfcller.dcm")).write_bytes(b"x")


def _pipe(root: Path, patient: str) -> None:
    save_pair(root, patient)
    os.mkfifo(root / patient / "pipe")


def _locked(root: Path, patient: str) -> None:
    save_pair(root, patient)
    (root / patient / "locked").write_bytes(b"x")
    (root / patient / "locked").chmod(0)


def _side_from_ct(root: Path, patient: str) -> None:
    save(root, ct(patient))
    save(root, mr(patient, side=""))


def _no_side(root: Path, patient: str) -> None:
    save(root, ct(patient, side=""))
    save(root, mr(patient, side=""))


_TSE = {"ScanningSequence": "SE", "SeriesDescription": "PD TSE sag", "ProtocolName": "PD TSE sag"}
_ANKLE = {"BodyPartExamined": "ANKLE", "SeriesDescription": "OSG BFFE sag", "ProtocolName": "OSG BFFE"}

FAULTS = (
    Fault("no MR", "no_mr", lambda root, patient: save(root, ct(patient))),
    Fault("no CT", "no_ct", lambda root, patient: save(root, mr(patient))),
    Fault("two CTs alike", "two_alike", _two_alike, pairs=1),
    Fault("wrong side", "no_mr", _wrong_side),
    Fault("both sides named", "contradicting_side", _both_sides_named),
    Fault("no side anywhere", "side_unknown", _no_side),
    Fault("side of the other modality", "side_from_other", _side_from_ct, pairs=1),
    Fault("CT and MR in one series", "mixed_modality", _mixed_series),
    Fault("two matrices in one series", "mixed_matrix", _mixed_matrix),
    Fault("two patients in one series", "several_patients", _two_patients_in_one_series),
    Fault("pixels cut short", "truncated_pixels", _cut(0.95)),
    Fault("header cut short", "unreadable", _cut(0.6)),
    Fault("empty file", "empty_file", _file("IM0001", b""), pairs=1),
    Fault("text file", "not_dicom", _file("notes.dcm", b"the left one is better\n" * 30), pairs=1),
    Fault("other sequence", "other_sequence", _beside(**_TSE), pairs=1),
    Fault("phase image", "phase_image", _beside(ImageType=["ORIGINAL", "PRIMARY", "P"]), pairs=1),
    Fault("2D", "two_dimensional", _beside(MRAcquisitionType="2D"), pairs=1),
    Fault("localizer", "localizer", _beside(SeriesDescription="Survey BFFE"), pairs=1),
    Fault("derived", "derived", _beside(ImageType=["DERIVED", "SECONDARY", "MPR"]), pairs=1),
    Fault("secondary capture", "secondary_capture", _beside(SOPClassUID=SecondaryCaptureImageStorage), 1),
    Fault("ankle", "other_body_part", _beside(**_ANKLE), pairs=1),
    Fault("PET", "other_modality",
          _beside(SOPClassUID=PositronEmissionTomographyImageStorage, Modality="PT"), pairs=1),
    Fault("report", "no_image", _report, pairs=1),
    Fault("gap", "missing_slices", _gap),
    Fault("slice with other bytes", "duplicate_instance", _clash),
    Fault("exact copy", "duplicate_copy", _copy, pairs=1),
    Fault("no pixel spacing", "no_geometry", _ct_with(PixelSpacing=None)),
    Fault("no rescale", "no_calibrated_hu", _ct_with(RescaleSlope=None)),
    Fault("colour", "colour_pixels", _ct_with(PhotometricInterpretation="PALETTE COLOR")),
    Fault("burned in", "burned_in_annotation", _ct_with(BurnedInAnnotation="YES")),
    Fault("thick", "coarse_pixels", _beside(PixelSpacing=[0.9, 0.9]), pairs=1),
    Fault("deflated", "deflated", _deflated),
    Fault("two people with one ID", "two_people_one_id", _two_people),
    Fault("one person with two IDs", "one_person_two_ids", _two_ids),
    Fault("a year between", "too_many_days",
          lambda root, patient: (save(root, ct(patient)), save(root, mr(patient, date="20250401")))),
    Fault("DICOMDIR", "dicomdir", _directory, pairs=1),
    Fault("symlink loop", "symlink_loop", _loop, pairs=1),
    Fault("broken link", "broken_link", _broken_link, pairs=1),
    Fault("file name in Latin-1", "name_not_utf8", _latin_name, pairs=1),
    Fault("pipe", "not_a_file", _pipe, pairs=1),
    Fault("no permission", "no_permission", _locked, pairs=1),
    Fault("KL 7", "clinical_value", save_pair, pairs=1),
)  # fmt: skip

NAMES = {
    "latin": ("ISO_IR 100", "Müller^Jörg".encode("latin-1")),
    "japanese": ("\\ISO 2022 IR 87", b"Yamada^Tarou=" + "山田^太郎".encode("iso2022_jp")),
    "korean": ("\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
    "chinese": ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030")),
}
"""Specific Character Set, and a name's bytes (PS3.5 annexes H, I, J)."""


def plant_names(root: Path) -> None:
    """A pair for each name, declared, and one whose CT lost its Specific Character Set."""
    for language, (charset, raw) in NAMES.items():
        _save_named(root, f"{language}-declared", raw, charset, charset, "19500101")
        _save_named(root, f"{language}-undeclared", raw, charset, "", "19510101")


def _save_named(root: Path, patient: str, raw: bytes, of_mr: str, of_ct: str, born: str) -> None:
    """The name's bytes replace a stand-in of their length, so that no library has a say in them."""
    raw = raw + b" " * (len(raw) % 2)
    stand_in = "X" * len(raw)
    for plan, charset in ((ct(patient), of_ct), (mr(patient), of_mr)):
        declared = charset.split("\\") if charset else None
        attributes = {"SpecificCharacterSet": declared, "PatientName": stand_in, "PatientBirthDate": born}
        for path in save(root, replace(plan, attributes=attributes)):
            path.write_bytes(path.read_bytes().replace(stand_in.encode(), raw))
