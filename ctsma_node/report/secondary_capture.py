"""The picture as a Secondary Capture (PS3.3 A.8.1), for viewers that show nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from ctsma_node.report.basis import Basis
from ctsma_node.report.modules import add_compression_history, begin
from ctsma_node.report.picture import render_knee

SERIES = "picture"


def picture(basis: Basis) -> Dataset:
    """RGB pixels of the knee's page, with "research use only" burned in."""
    ds = begin(basis, SERIES, SecondaryCaptureImageStorage, "OT")
    ds.Laterality = basis.side.value
    ds.BodyPartExamined = "KNEE"
    ds.ConversionType = "WSD"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.PatientOrientation = ""
    ds.BurnedInAnnotation = "NO"  # what is burned in does not identify the patient (C.7.6.1.1)
    add_compression_history(ds, basis)
    _add_pixels(ds, render_knee(basis.result, basis.knee, basis.templates))
    return ds


def _add_pixels(ds: Dataset, rgb: npt.NDArray[np.uint8]) -> None:
    """Image Pixel module: rgb [row, column, 3], interleaved."""
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rgb.shape
    ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    pixels = np.ascontiguousarray(rgb).tobytes()
    ds.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))
