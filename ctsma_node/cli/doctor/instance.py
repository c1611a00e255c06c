"""A test instance, sent to an archive and asked for again; a person deletes it there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from ctsma_node.cli.doctor.finding import Finding, ok, warning, wrong
from ctsma_node.deliver import Outcome, Peer, read_outgoing, store
from ctsma_node.deliver.association import DeliveryError
from ctsma_node.deliver.find import held

PATIENT_ID = "CTSMA-NODE-TEST"
PATIENT_NAME = "CTSMA^NODE TEST^^^"


def probe_instance() -> Dataset:
    """A grey Secondary Capture of 8 x 8 pixels of a patient that says it is none; always the same study."""
    ds = Dataset()
    ds.SOPClassUID, ds.Modality, ds.ConversionType = SecondaryCaptureImageStorage, "OT", "WSD"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, generate_uid(prefix=None, entropy_srcs=["ctsma-node doctor", keyword]))
    ds.PatientName, ds.PatientID = PATIENT_NAME, PATIENT_ID
    ds.PatientBirthDate = ds.PatientSex = ds.ReferringPhysicianName = ds.AccessionNumber = ""
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20000101", "000000", "TEST"
    ds.StudyDescription = ds.SeriesDescription = "ctsma-node doctor: test, delete"
    ds.SeriesNumber = ds.InstanceNumber = "1"
    ds.PatientOrientation = ""
    ds.Rows = ds.Columns = 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.PixelData = bytes([128]) * 64
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


def store_and_find(area: str, peer: Peer, asked: Peer, ds: Dataset) -> Iterator[Finding]:
    """Send the test instance, then look for it by C-FIND at who is asked (PS3.4 annexes B and C)."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "test.dcm"
        ds.save_as(path, enforce_file_format=True)
        (answer,) = store(peer, [read_outgoing(path)])
    if answer.outcome is not Outcome.DELIVERED:
        yield wrong(area, "C-STORE", answer.text, "Let the PACS store Secondary Capture from this AE title.")
        return
    yield ok(area, "C-STORE", f"stored; delete patient {PATIENT_ID} in the archive by hand")
    try:
        found = ds.SOPInstanceUID in held(asked, ds.StudyInstanceUID, [ds.SeriesInstanceUID])
    except DeliveryError as error:
        yield warning(area, "C-FIND", str(error), "Needed only where C-FIND is to prove a delivery.")
        return
    if found:
        yield ok(area, "C-FIND", "the test instance is found")
    else:
        remedy = "Look again in a minute: some archives index later. Else it searches elsewhere."
        yield warning(area, "C-FIND", "the test instance is not found", remedy)
