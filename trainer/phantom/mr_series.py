"""A rendered MR on disk: MR Image Storage, one instance a slice (PS3.3 A.4)."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from trainer.mr import MRVolume
from trainer.phantom.header import (
    DATE,
    TIME,
    Header,
    add_patient_and_study,
    add_pixels,
    add_plane,
    add_series_and_equipment,
    apply_overrides,
    decimal,
)
from trainer.phantom.mr_acquisition import MRAcquisition
from trainer.phantom.series import save

PROTOCOL = "BFFE 3D sag"


def write_mr(volume: MRVolume, acquisition: MRAcquisition, folder: Path, header: Header) -> list[Path]:
    """Write `folder`/0001.dcm and so on; returns the files. Same arguments, same bytes."""
    count = volume.signal.shape[0]
    return save((_slice(volume, k, acquisition, header) for k in range(count)), count, folder)


def _slice(volume: MRVolume, k: int, acquisition: MRAcquisition, header: Header) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = MRImageStorage
    ds.SOPInstanceUID = header.uid("instance", header.series, k)
    add_patient_and_study(ds, header)
    add_series_and_equipment(ds, header, "MR", PROTOCOL)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
    ds.ContentDate = ds.AcquisitionDate = ds.InstanceCreationDate = DATE
    ds.ContentTime = ds.AcquisitionTime = ds.InstanceCreationTime = TIME
    ds.InstanceNumber, ds.AcquisitionNumber = k + 1, 1
    add_plane(ds, volume.affine, k)
    ds.SliceThickness = ds.SpacingBetweenSlices = decimal(acquisition.slice_thickness)
    _add_sequence(ds, acquisition)
    add_pixels(ds, *volume.signal.shape[1:], signed=False)
    ds.WindowCenter, ds.WindowWidth = "750", "1500"
    ds.PixelData = volume.signal[k].astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    apply_overrides(ds, header)
    return ds


def _add_sequence(ds: Dataset, acquisition: MRAcquisition) -> None:
    """The MR Image module of a balanced gradient echo with the paper's TR and TE."""
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "GR", "SS", ""
    ds.MRAcquisitionType, ds.SequenceName = "3D", "BFFE"
    ds.RepetitionTime, ds.EchoTime, ds.FlipAngle = "10", "5", "15"
    ds.EchoTrainLength, ds.NumberOfAverages = 1, "1"
    ds.MagneticFieldStrength, ds.ImagingFrequency, ds.ImagedNucleus = "3", "127.76", "1H"
    measured = round(acquisition.acquired * acquisition.columns)
    ds.AcquisitionMatrix = [0, measured, measured, 0]
    ds.InPlanePhaseEncodingDirection = "COL"
