"""Two small made-up outcomes of an analysis with their source series, to show what objects look like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from ctsma_node.analysis.result import (
    AnalysisResult,
    Bone,
    BoneSummary,
    CartilageRegion,
    Compartment,
    Estimate,
    Explanation,
    KneeResult,
    Mark,
    OAClass,
    Parameter,
    Reason,
    Side,
    Subregion,
)
from ctsma_node.report.attributes import PATIENT_AND_STUDY, TYPE_2

_SHAPES = ((48, 72, 64), (56, 80, 80))
_ROOT = "2.25.1234"
_TEXTS = {
    "PatientName": "Example^Knee",
    "PatientBirthDate": "19550312",
    "PatientSex": "F",
    "StudyDate": "20260102",
    "StudyTime": "101500",
    "PatientBirthTime": "101500",
    "QualityControlSubject": "NO",
    "PatientIdentityRemoved": "NO",
    "TypeOfPatientID": "TEXT",
    "PatientAge": "071Y",
    "PatientSize": "1.8",
    "PatientWeight": "84",
    "TimezoneOffsetFromUTC": "+0100",
}


def analysis(number: int) -> AnalysisResult:
    """One knee; numbers 0 and 1 differ in every value."""
    return AnalysisResult(
        knees=(_knee(number),),
        not_analysed=(),
        bundle_name=f"example-{number}",
        bundle_version=str(number),
        bundle_digest=f"{number}a" * 32,
        training=f"example {number}",
        seconds={},
    )


def headers(number: int) -> tuple[Dataset, ...]:
    """An axial series: number 0 says all that can be taken over, number 1 the least that is valid."""
    return tuple(_header(number, n) for n in range(3 + number))


def _knee(number: int) -> KneeResult:
    labels = _labels(number)
    spacing = np.diag([*[1.0 + 0.01 * number] * 3, 1.0])
    # Sagittal: i runs to posterior, j to inferior, k to the left.
    affine = np.array([[0, 0, 1, 60], [1, 0, 0, -30], [0, -1, 0, 36], [0, 0, 0, 1]], float) @ spacing
    subregions = tuple(_subregion(bone, n, labels, affine, number) for bone in Bone for n in (1, 2))
    return KneeResult(
        side=(Side.LEFT, Side.RIGHT)[number],
        hu=np.where(labels > 0, 300.0 + number, -50.0).astype(np.float32),
        affine=affine,
        bone_labels=np.where(labels == 0, 0, np.where(labels <= 100, 1, 2)).astype(np.uint8),
        subregion_labels=labels,
        subregions=subregions,
        bones=tuple(_summary(bone, number) for bone in Bone),
        class_probabilities={c: (0.2, 0.5, 0.3)[(n + number) % 3] for n, c in enumerate(OAClass)},
        oa_class=tuple(OAClass)[number],
        oa_probability=0.8 - 0.1 * number,
        explanation=Explanation("an example", 0.3, tuple(_reasons(number))),
        cartilage={region: Estimate(1.0 + number, 0.4) for region in CartilageRegion},
        marks=(Mark("example", "made up"),),
    )


def _labels(number: int) -> npt.NDArray[np.uint8]:
    """Two boxes in each bone."""
    labels = np.zeros(_SHAPES[number], np.uint8)
    labels[8:24, 8:32, 12:52], labels[24:40, 8:32, 12:52] = 1, 2
    labels[8:24, 40:64, 12:52], labels[24:40, 40:64, 12:52] = 101, 102
    return labels


def _subregion(
    bone: Bone, n: int, labels: npt.NDArray[np.uint8], affine: npt.NDArray[np.float64], number: int
) -> Subregion:
    label = n + (100 if bone is Bone.TIBIA else 0)
    k, j, i = np.argwhere(labels == label).mean(axis=0)
    x, y, z, _ = affine @ np.array([i, j, k, 1.0])
    values = {p: Estimate(0.3 + 0.1 * number, 0.02) for p in Parameter}
    contributions = dict.fromkeys(Parameter, 0.01 * (number + 1))
    return Subregion(bone, n, label, (float(x), float(y), float(z)), 1000.0 + number, values, contributions)


def _summary(bone: Bone, number: int) -> BoneSummary:
    return BoneSummary(bone, 2000.0, dict.fromkeys(Parameter, 0.3 + number), dict.fromkeys(Parameter, 0.1))


def _reasons(number: int) -> list[Reason]:
    return [Reason(c, p, 0.1 * (number + 1), 0.9) for c in Compartment for p in Parameter]


def _header(number: int, n: int) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, f"{_ROOT}.{number}.{n + 1}"
    for keyword in (*TYPE_2, *PATIENT_AND_STUDY) if number == 0 else ():
        if dictionary_VR(keyword) not in ("SQ", "UI"):
            setattr(ds, keyword, _TEXTS.get(keyword, "EXAMPLE"))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{_ROOT}.8{number}", f"{_ROOT}.9{number}"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = f"{_ROOT}.7{number}", ("KNEE", "")[number]
    ds.SeriesDate, ds.SeriesTime = f"2026010{number + 1}", f"10173{number}"
    ds.SeriesNumber, ds.Modality = 5 + number, "CT"
    ds.Manufacturer, ds.InstanceNumber = f"scanner {number}", n + 1
    ds.ImageType, ds.PixelSpacing, ds.SliceThickness = ["ORIGINAL", "PRIMARY", "AXIAL"], [0.4, 0.4], 1.0
    ds.Rows, ds.Columns, ds.PatientPosition = 512, 512, ("FFS", "")[number]
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-90, -90, float(n)]
    return ds
