"""The picture as a Secondary Capture (PS3.3 A.8.1), for viewers that show nothing else."""

from __future__ import annotations

import numpy as np
from highdicom.sc import SCImage
from PIL import Image
from pydicom.dataset import Dataset

from ctsma_node.report.basis import Basis
from ctsma_node.report.modules import add_compression_history, identification, signed
from ctsma_node.report.picture import render_knee

SERIES = "picture"
WIDTH = 1200
"""Pixels, of a page that is drawn with a third more: letters read at 1000, and it weighs 3.7 MB, not 6.5."""


def picture(basis: Basis) -> Dataset:
    """RGB pixels of the knee's page, with "research use only" burned in."""
    made = SCImage(
        np.asarray(_page(basis)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        laterality=basis.side.value,
        study_instance_uid=basis.source.study_uid,
        **identification(basis, SERIES),
    )
    made["PixelData"].VR = "OB"
    ds = signed(made, basis, SERIES)
    ds.BodyPartExamined = "KNEE"
    ds.ConversionType = "WSD"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.PatientOrientation = ""  # highdicom wants one, but a page of many slices has none
    ds.BurnedInAnnotation = "NO"  # what is burned in does not identify the patient (C.7.6.1.1)
    add_compression_history(ds, basis)
    return ds


def _page(basis: Basis) -> Image.Image:
    page = Image.fromarray(render_knee(basis.result, basis.knee, basis.templates))
    return page.resize((WIDTH, round(WIDTH * page.height / page.width)), Image.Resampling.LANCZOS)
