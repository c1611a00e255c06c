"""The volume that was analysed, as a small CT series: what the model saw, where the other objects lie.

Viewers refuse segmentations and parametric maps whose planes are oblique to the images they refer to, and
maps on the scanner's 512 x 512 grid weigh ten times as much: this series as their reference solves both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from ctsma_node.analysis.result import KneeResult
from ctsma_node.report.basis import Basis
from ctsma_node.report.grid import decimal
from ctsma_node.report.items import add, encoded_sequence, explicit_dataset, reference_item
from ctsma_node.report.modules import add_compression_history, add_frame_of_reference, sign

SERIES = "volume"
BORDER_HU = -1024
_WINDOW = ("400", "2000")  # HU: bone with its trabeculae


def analysed_volume(basis: Basis) -> tuple[Dataset, ...]:
    """CT Image instances (PS3.3 A.3), one for each plane, in the order of the grid's frames."""
    planes = _stored_values(basis.knee, basis)
    sources = _source_images(basis)
    return tuple(_instance(basis, frame, plane, sources) for frame, plane in enumerate(planes))


def _stored_values(knee: KneeResult, basis: Basis) -> npt.NDArray[np.int16]:
    """HU [frame, row, column], rounded; with slope 1 and intercept 0 they are the stored values."""
    limits = np.iinfo(np.int16)
    hu = np.clip(np.rint(knee.hu), limits.min, limits.max).astype("<i2")
    return basis.grid.place(hu, BORDER_HU).astype("<i2", copy=False)


def _source_images(basis: Basis) -> RawDataElement:
    """All instances of the source: each contributes to each sagittal plane of an axial acquisition.

    Without their purpose (type 3, PS3.3 C.12.4): 90 planes times hundreds of slices would repeat it.
    """
    sources = basis.source.instances
    return encoded_sequence(
        "SourceImageSequence", [reference_item(each.sop_class_uid, each.sop_instance_uid) for each in sources]
    )


def _instance(basis: Basis, frame: int, plane: npt.NDArray[np.int16], sources: RawDataElement) -> Dataset:
    ds = explicit_dataset()
    ds.SOPClassUID, ds.Modality = CTImageStorage, "CT"
    sign(ds, basis, SERIES, frame + 1)
    add_frame_of_reference(ds, basis)
    ds.Laterality = basis.side.value
    ds.BodyPartExamined = "KNEE"
    ds.PatientPosition = basis.source.patient_position
    ds.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED"]
    ds.BurnedInAnnotation = "NO"
    ds.DerivationDescription = basis.text("derivation")
    ds.DerivationCodeSequence = [basis.concept("reformatting")]
    add(ds, sources)
    add_compression_history(ds, basis)
    ds.AcquisitionNumber = ds.KVP = None  # type 2: this image was not acquired, and has no dose
    _add_plane(ds, basis, frame)
    _add_pixels(ds, plane)
    return ds


def _add_plane(ds: Dataset, basis: Basis, frame: int) -> None:
    """Image Plane module (PS3.3 C.7.6.2)."""
    grid = basis.grid
    ds.PixelSpacing = grid.pixel_spacing
    ds.ImageOrientationPatient = grid.orientation
    ds.ImagePositionPatient = grid.position(frame)
    ds.SliceThickness = decimal(grid.spacing[2])


def _add_pixels(ds: Dataset, plane: npt.NDArray[np.int16]) -> None:
    """Image Pixel, CT Image and VOI LUT modules (PS3.3 C.7.6.3, C.8.2.1, C.11.2)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = plane.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = _WINDOW
    ds.add_new("PixelData", "OW", plane.tobytes())
