"""No trace of a patient in what is exported, and the cohort survives it."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ctsma_node.errors import Refused, SettingsError
from tests.conftest import RequireTool
from tests.fixtures.paired_archive import ct, datasets, mr, save, uid
from trainer.cohort.confidentiality import Action, action_of
from trainer.cohort.deidentify import Deidentification, deidentify, shifted
from trainer.cohort.descriptors import clean
from trainer.cohort.export import ExportOptions, export
from trainer.cohort.export_series import no_burned_in_risk
from trainer.cohort.manifest import CohortManifest
from trainer.cohort.pseudonym import Pseudonyms
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run

SECRET = bytes(range(32))
SETTINGS = CohortSettings(min_ct_slices=4, min_mr_slices=4)
TRACES = ("Okapi", "OKAPI", "okapi", "H-4711", "19600504", "Dr^Gnu", "St. Zebra", "ACC-99", "Marmosetstreet")


def marked() -> Dataset:
    """An instance with a trace of the patient wherever one may stand."""
    ds = datasets(mr("H-4711", slices=1))[0]
    ds.PatientName, ds.AccessionNumber, ds.InstitutionName = "Okapi^Olga", "ACC-99", "St. Zebra"
    ds.ReferringPhysicianName, ds.PatientAddress, ds.PatientComments = "Dr^Gnu", "Marmosetstreet 1", "Okapi"
    ds.StudyDescription, ds.ImageComments = "MR Knee right Okapi Olga", "seen by Dr^Gnu"
    ds.AcquisitionDateTime, ds.StudyTime = "20240306101112.5+0100", "101112"
    ds.SequenceName, ds.DeviceSerialNumber = "BFFE okapi", "12345"
    request, referenced, code = Dataset(), Dataset(), Dataset()
    request.RequestedProcedureDescription, request.ScheduledProcedureStepID = "Okapi knee", "ACC-99"
    referenced.ReferencedSOPClassUID, referenced.ReferencedSOPInstanceUID = ds.SOPClassUID, uid("other")
    code.CodeValue, code.CodeMeaning, code.PatientName = "1", "Knee", "Okapi^Olga"
    ds.RequestAttributesSequence, ds.ReferencedImageSequence = Sequence([request]), Sequence([referenced])
    ds.AnatomicRegionSequence = Sequence([code])
    block = ds.private_block(0x0029, "ZEBRA", create=True)
    block.add_new(0x10, "LO", "Okapi^Olga")
    ds.add_new(0x60003000, "OW", b"\0\0")
    return ds


def how(**options: bool) -> Deidentification:
    return Deidentification(Pseudonyms(SECRET), "QUAGGA", -100, **options)


@pytest.mark.parametrize("options", [{}, {"clean_descriptors": False}, {"keep_dates": False}])
def test_no_trace_is_left(tmp_path: Path, options: dict[str, bool]) -> None:
    ds = marked()
    deidentify(ds, how(**options))
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    content = (tmp_path / "a.dcm").read_bytes().decode("latin-1")
    assert [trace for trace in TRACES if trace in content] == []
    assert not any(element.tag.is_private for element in ds.iterall())
    assert 0x60003000 not in ds


def test_what_a_measurement_needs_is_left() -> None:
    ds, before = marked(), marked()
    deidentify(ds, how())
    for keyword in (
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "PixelData", "Rows", "EchoTime"),
        *("BodyPartExamined", "Laterality", "ScanningSequence", "SliceThickness", "ImageType", "StudyTime"),
    ):
        assert ds[keyword].value == before[keyword].value
    assert (ds.SeriesDescription, ds.StudyDescription) == ("BFFE 3D SAG", "MR KNEE RIGHT")
    assert ds.AnatomicRegionSequence[0].CodeMeaning == "Knee"


def test_who_it_is_and_how_it_was_done_is_said() -> None:
    ds = marked()
    deidentify(ds, how())
    assert (ds.PatientID, str(ds.PatientName), ds.PatientBirthDate or "") == ("QUAGGA", "QUAGGA", "")
    assert (ds.PatientIdentityRemoved, ds.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
    used = [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]
    assert used == ["113100", "113105", "113107"]
    ds = marked()
    deidentify(ds, how(keep_dates=False, clean_descriptors=False, retain_uids=True))
    assert [item.CodeValue for item in ds.DeidentificationMethodCodeSequence] == ["113100", "113110"]
    assert "SeriesDescription" not in ds
    assert not ds.StudyDate


def test_uids_are_replaced_alike_everywhere_and_those_of_the_standard_stay() -> None:
    ds, before = marked(), marked()
    deidentify(ds, how())
    names = Pseudonyms(SECRET)
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert ds[keyword].value == names.uid(before[keyword].value) != before[keyword].value
        assert ds[keyword].value.is_valid
    referenced = ds.ReferencedImageSequence[0]
    assert referenced.ReferencedSOPInstanceUID == names.uid(uid("other"))
    assert referenced.ReferencedSOPClassUID == ds.SOPClassUID == before.SOPClassUID
    kept = marked()
    deidentify(kept, how(retain_uids=True))
    assert kept.SeriesInstanceUID == before.SeriesInstanceUID


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20240306", "20231127"),
        ("20240306101112.5+0100", "20231127101112.5+0100"),
        ("20240306\\20240307", "20231127\\20231128"),
        ("2024", ""),
        ("20241399", ""),
        ("00010101", ""),
        ("05000101", ""),
        ("", ""),
    ],
)
def test_dates_move_by_whole_days(value: str, moved: str) -> None:
    assert shifted(value, -100) == moved


def test_the_profile_s_table_is_the_standard_s() -> None:
    """A few rows of PS3.15 Table E.1-1, one for each action."""
    for tag, action in {
        0x00100010: Action.EMPTY,  # Patient's Name: Z
        0x00081030: Action.REMOVE,  # Study Description: X
        0x00080018: Action.UID,  # SOP Instance UID: U
        0x00081140: Action.REFERENCES,  # Referenced Image Sequence: X/Z/U*
        0x00120010: Action.DUMMY,  # Clinical Trial Sponsor Name: D
        0x00280010: Action.KEEP,  # Rows: not in the table
        0x00291010: Action.REMOVE,  # private
        0x60023000: Action.REMOVE,  # Overlay Data of the second plane
    }.items():
        assert action_of(tag) is action, f"{tag:08x}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Knee Okapi Olga re. 0.5 mm 12345678", "KNEE RE 0.5 MM"),
        ("OKAPI^OLGA 19600504", ""),
        ("bFFE_3D_sag_HR", "B FFE 3D SAG HR"),
    ],
)
def test_descriptions_keep_known_words_alone(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize(
    "risk",
    ["BurnedInAnnotation", "RecognizableVisualFeatures", "overlay in the pixels"],
)
def test_pixels_that_may_show_the_patient_are_refused(risk: str) -> None:
    ds = datasets(ct("p", slices=1))[0]
    no_burned_in_risk(ds)
    if risk == "overlay in the pixels":
        ds.add_new(0x60000102, "US", 12)  # Overlay Bit Position
    else:
        setattr(ds, risk, "YES")
    with pytest.raises(Refused, match="burned_in_risk"):
        no_burned_in_risk(ds)


@pytest.fixture
def made(tmp_path: Path) -> tuple[CohortManifest, Path]:
    """A cohort of three knees of two patients, one knee with a second reconstruction."""
    archive = tmp_path / "archive"
    for patient, side in (("Okapi-1", "R"), ("Okapi-2", "R"), ("Okapi-2", "L")):
        for make in (ct, mr):
            save(archive, make(patient, name=side, study=side, side=side))
    save(archive, ct("Okapi-1", name="coarse", study="R", spacing=(0.9, 0.9)))
    table = tmp_path / "clinical.csv"
    table.write_text("patient_id,side,kl,age\nOkapi-1,R,1,97\nOkapi-2,R,0,45\nOkapi-2,L,4,45\n")
    request = CohortRequest(archive, tmp_path / "out", table, settings=SETTINGS)
    return run(request), archive


def test_the_exported_archive_is_the_same_cohort(made: tuple[CohortManifest, Path], tmp_path: Path) -> None:
    manifest, archive = made
    secret = bytes.fromhex((tmp_path / "out" / "pseudonym.key").read_text())
    assert export(manifest, archive, tmp_path / "new", secret, ExportOptions()) == []
    request = CohortRequest(
        tmp_path / "new" / "archive",
        tmp_path / "again",
        tmp_path / "new" / "clinical.csv",
        keep_ids=True,
        settings=SETTINGS,
    )
    again = run(request)
    assert [pair.pair_id for pair in again.pairs] == [pair.pair_id for pair in manifest.pairs]
    for new, old in zip(again.pairs, manifest.pairs, strict=True):
        assert (new.days, new.oa_class, new.ct.size, new.mr.affine) == (
            5,
            old.oa_class,
            old.ct.size,
            old.mr.affine,
        )
        assert len(new.ct_alternatives) == len(old.ct_alternatives)
    assert max(pair.clinical.age or 0 for pair in again.pairs if pair.clinical) == 90
    assert (again.left_out, again.remarks) == ((), ())
    everything = b"".join(path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file())
    assert b"Okapi" not in everything
    assert not any("Okapi" in str(path) for path in (tmp_path / "new").rglob("*"))


def test_an_export_goes_on_and_keeps_its_options(made: tuple[CohortManifest, Path], tmp_path: Path) -> None:
    manifest, archive = made
    export(manifest, archive, tmp_path / "new", SECRET, ExportOptions())
    files = sorted((tmp_path / "new" / "archive").rglob("*.dcm"))
    first = [path.read_bytes() for path in files]
    for folder in sorted({path.parent for path in files})[::3]:
        shutil.rmtree(folder)
    export(manifest, archive, tmp_path / "new", SECRET, ExportOptions())
    assert [path.read_bytes() for path in files] == first
    with pytest.raises(SettingsError, match="other options"):
        export(manifest, archive, tmp_path / "new", SECRET, ExportOptions(retain_uids=True))


def test_a_pair_that_is_gone_is_named_and_the_others_go_on(
    made: tuple[CohortManifest, Path], tmp_path: Path
) -> None:
    manifest, archive = made
    shutil.rmtree(archive / "Okapi-1")
    findings = export(manifest, archive, tmp_path / "new", SECRET, ExportOptions())
    assert [finding.code for finding in findings] == ["unreadable_files"]
    assert len((tmp_path / "new" / "clinical.csv").read_text().splitlines()) == 3
    assert len(list((tmp_path / "new" / "archive").glob("*/*"))) == 4
    assert not (tmp_path / "new" / ".unfinished").exists()


def test_instances_stay_conformant(
    made: tuple[CohortManifest, Path], tmp_path: Path, require_tool: RequireTool
) -> None:
    """dciodvfy finds no error in the export that it did not find in the original."""
    dciodvfy = require_tool("dciodvfy")
    manifest, archive = made
    export(manifest, archive, tmp_path / "new", SECRET, ExportOptions())

    def errors(path: Path) -> set[str]:
        done = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
        return {line for line in done.stderr.splitlines() if line.startswith("Error")}

    for modality in ("CT", "MR"):
        exported = min((tmp_path / "new" / "archive").glob(f"*/{modality}-*/0001.dcm"))
        original = min((archive / "Okapi-2").glob(f"{modality.lower()}R/*/IM005"))
        assert errors(exported) - errors(original) == set()
        ds = dcmread(exported)
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_a_ct_of_both_knees_is_exported_once_and_pairs_with_each(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    for plan in (ct("p", side="B"), mr("p", name="r"), mr("p", name="l", side="L")):
        save(archive, plan)
    manifest = run(CohortRequest(archive, tmp_path / "out", settings=SETTINGS))
    export(manifest, archive, tmp_path / "new", SECRET, ExportOptions())
    folders = [path.name for path in (tmp_path / "new" / "archive").glob("*/*")]
    assert sorted(name[:2] for name in folders) == ["CT", "MR", "MR"]
    again = run(
        CohortRequest(tmp_path / "new" / "archive", tmp_path / "again", keep_ids=True, settings=SETTINGS)
    )
    assert [(pair.side, pair.ct.shows) for pair in again.pairs] == [("L", "B"), ("R", "B")]
    assert again.left_out == ()


def test_nifti_is_exported_without_its_texts(tmp_path: Path) -> None:
    import SimpleITK as sitk

    for name in ("ct.nii.gz", "mr.nii.gz"):
        path = tmp_path / "archive" / "Okapi" / "R" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = sitk.Image(6, 6, 6, sitk.sitkInt16)
        image.SetSpacing((0.3, 0.3, 1.0))
        image.SetMetaData("descrip", "Okapi^Olga")
        sitk.WriteImage(image, str(path))
    manifest = run(CohortRequest(tmp_path / "archive", tmp_path / "out", settings=SETTINGS))
    assert export(manifest, tmp_path / "archive", tmp_path / "new", SECRET, ExportOptions()) == []
    again = run(CohortRequest(tmp_path / "new" / "archive", tmp_path / "again", keep_ids=True))
    assert [pair.pair_id for pair in again.pairs] == [pair.pair_id for pair in manifest.pairs]
    for path in (tmp_path / "new" / "archive").rglob("*.nii.gz"):
        assert b"Okapi" not in gzip.decompress(path.read_bytes())
