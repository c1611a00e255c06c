"""A synthetic outcome of an analysis and its source series: ellipsoids as bones, 100 subregions each.

Nothing here is symmetric under a flip of any axis, so a map or a label array that was turned over
cannot be mistaken for the right one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from ctsma_node.analysis.result import (
    SUBREGIONS_PER_BONE,
    AnalysisResult,
    Bone,
    BoneSummary,
    CartilageRegion,
    Compartment,
    Estimate,
    Explanation,
    KneeNotAnalysed,
    KneeResult,
    Mark,
    OAClass,
    Parameter,
    Reason,
    Side,
    Subregion,
)

SHAPE = (90, 150, 150)
SPACING = (0.977, 0.977, 1.0)
STUDY = "1.2.826.0.1.3680043.8.498.1"
SERIES = "1.2.826.0.1.3680043.8.498.2"
FRAME_OF_REFERENCE = "1.2.826.0.1.3680043.8.498.3"
BONE_CENTRES = {Bone.FEMUR: (78.0, 38.0, 47.0), Bone.TIBIA: (70.0, 112.0, 43.0)}
BONE_RADII = {Bone.FEMUR: (42.0, 26.0, 33.0), Bone.TIBIA: (36.0, 24.0, 30.0)}


def sagittal_affine(side: Side, tilt_deg: float = 0.0) -> npt.NDArray[np.float64]:
    """(i, j, k) to LPS mm: i posterior, j inferior, k to the right; turned about i by `tilt_deg`."""
    a = np.deg2rad(tilt_deg)
    columns = np.array([[0, 1, 0], [-np.sin(a), 0, -np.cos(a)], [-np.cos(a), 0, np.sin(a)]], dtype=float).T
    affine = np.eye(4)
    affine[:3, :3] = columns * np.array(SPACING)
    centre_x = 90.0 if side is Side.LEFT else -85.0
    affine[:3, 3] = (centre_x + 45.0, -70.0, 60.0)
    return affine


def ellipsoid(bone: Bone) -> npt.NDArray[np.bool_]:
    """The voxels [k, j, i] of a bone."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    (ci, cj, ck), (ri, rj, rk) = BONE_CENTRES[bone], BONE_RADII[bone]
    inside = ((i - ci) / ri) ** 2 + ((j - cj) / rj) ** 2 + ((k - ck) / rk) ** 2 <= 1.0
    return np.asarray(inside)


def equal_parts(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Labels 1..100: ten slabs of equal size along k, each cut in ten along i + j / 2."""
    labels = np.zeros(inside.shape, np.uint8)
    where = np.argwhere(inside)
    by_k = where[np.argsort(where[:, 0], kind="stable")]
    for slab, voxels in enumerate(np.array_split(by_k, 10)):
        order = np.argsort(voxels[:, 2] + 0.5 * voxels[:, 1], kind="stable")
        for part, chunk in enumerate(np.array_split(voxels[order], 10)):
            labels[tuple(chunk.T)] = slab * 10 + part + 1
    return labels


@lru_cache(maxsize=4)
def knee(side: Side, seed: int = 1, tilt_deg: float = 0.0) -> KneeResult:
    """One analysed knee; every number differs from its neighbours."""
    rng = np.random.default_rng(seed + (side is Side.RIGHT))
    affine = sagittal_affine(side, tilt_deg)
    bones = np.zeros(SHAPE, np.uint8)
    labels = np.zeros(SHAPE, np.uint8)
    subregions: list[Subregion] = []
    summaries: list[BoneSummary] = []
    for index, bone in enumerate((Bone.FEMUR, Bone.TIBIA)):
        inside = ellipsoid(bone)
        bones[inside] = index + 1
        parts = equal_parts(inside)
        offset = index * SUBREGIONS_PER_BONE
        labels[inside] = parts[inside] + offset
        mine = [_subregion(bone, n, parts, affine, offset, rng) for n in range(1, SUBREGIONS_PER_BONE + 1)]
        subregions += mine
        summaries.append(_summary(bone, mine))
    return KneeResult(
        side=side,
        hu=_hu(bones, rng),
        affine=affine,
        bone_labels=bones,
        subregion_labels=labels,
        subregions=tuple(subregions),
        bones=tuple(summaries),
        class_probabilities={OAClass.NORMAL: 0.12, OAClass.MILD: 0.61, OAClass.ADVANCED: 0.27},
        oa_class=OAClass.MILD,
        oa_probability=0.88,
        explanation=Explanation("a made-up knee", 0.31, _reasons()),
        cartilage={region: Estimate(0.5 * n + 0.25, 0.4) for n, region in enumerate(CartilageRegion)},
        marks=(Mark("synthetic_training", "The bundle was trained on synthetic knees only."),),
    )


def _subregion(
    bone: Bone,
    number: int,
    parts: npt.NDArray[np.uint8],
    affine: npt.NDArray[np.float64],
    offset: int,
    rng: np.random.Generator,
) -> Subregion:
    where = np.argwhere(parts == number)
    k, j, i = where.mean(axis=0)
    x, y, z, _ = affine @ np.array([i, j, k, 1.0])
    thickness, separation = 0.18 + 0.001 * number, 0.9 - 0.003 * number
    values = {
        Parameter.BVTV: Estimate(0.12 + 0.0021 * number + 0.02 * (bone is Bone.TIBIA), 0.018),
        Parameter.TBTH: Estimate(thickness, 0.012),
        Parameter.TBSP: Estimate(separation, 0.041),
        Parameter.TBN: Estimate(1 / (thickness + separation) + float(rng.normal(0, 0.02)), 0.07),
    }
    marks = (Mark("outside_training", "A value lies outside the range of the training set."),)
    return Subregion(
        bone=bone,
        number=number,
        label=number + offset,
        centre=(float(x), float(y), float(z)),
        volume=float(len(where) * np.prod(SPACING)),
        values=values,
        contributions={p: 0.001 * (number - 40) * (1 + c) for c, p in enumerate(Parameter)},
        marks=marks if number % 25 == 0 else (),
    )


def _reasons() -> tuple[Reason, ...]:
    """Two raise the probability, the others lower it."""
    return tuple(
        Reason(compartment, parameter, 0.4 - 0.3 * c - 0.2 * n, 0.9 + 0.05 * n)
        for n, compartment in enumerate(Compartment)
        for c, parameter in enumerate(Parameter)
    )


def _summary(bone: Bone, subregions: list[Subregion]) -> BoneSummary:
    values = {p: np.array([s.values[p].value for s in subregions]) for p in Parameter}
    return BoneSummary(
        bone=bone,
        volume=sum(s.volume for s in subregions),
        mean={p: float(v.mean()) for p, v in values.items()},
        sd={p: float(v.std(ddof=1)) for p, v in values.items()},
    )


def _hu(bones: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    hu = np.full(SHAPE, 40.0, np.float32)
    k, j, i = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    hu[((i - 75) ** 2 / 72.0**2 + (k - 45) ** 2 / 44.0**2 + 0 * j) > 1] = -1000.0
    hu[bones > 0] = 320.0
    shell = (bones > 0) & ~_shrunk(bones > 0)
    hu[shell] = 1100.0
    return (hu + rng.normal(0, 35, SHAPE)).astype(np.float32)


def _shrunk(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    inner = mask.copy()
    for axis in range(3):
        inner &= np.roll(mask, 2, axis) & np.roll(mask, -2, axis)
    return inner


def analysis(
    *sides: Side, not_analysed: tuple[KneeNotAnalysed, ...] = (), tilt_deg: float = 0.0
) -> AnalysisResult:
    """An outcome with the named knees (the left one where none is named)."""
    return AnalysisResult(
        knees=tuple(knee(side, tilt_deg=tilt_deg) for side in (sides or (Side.LEFT,))),
        not_analysed=not_analysed,
        bundle_name="synthetic-knees",
        bundle_version="2026.11",
        bundle_digest="ab" * 32,
        training="knees that nobody has",
        seconds={"segment": 0.7},
    )


def source_headers(slices: int = 40, multi_frame: bool = False, **changes: object) -> tuple[Dataset, ...]:
    """Pixel-free headers of an axial series; `changes` sets an attribute, or deletes it where None."""
    if multi_frame:
        return (_header(0, EnhancedCTImageStorage, slices, changes),)
    return tuple(_header(n, CTImageStorage, 1, changes) for n in range(slices))


def _header(n: int, sop_class: str, frames: int, changes: dict[str, object]) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, f"{SERIES}.{n + 1}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, SERIES
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Müller^Jörg", "P-17", "19550312", "M"
    ds.PatientAge, ds.PatientSize, ds.PatientWeight, ds.IssuerOfPatientID = "071Y", "1.80", "84", "HOSPITAL"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20261102", "101500", "77", "A4711"
    ds.StudyDescription, ds.ReferringPhysicianName = "CT Knie", "Weiß^Ute"
    ds.SeriesDate, ds.SeriesTime, ds.SeriesNumber, ds.Modality = "20261102", "101730.25", 5, "CT"
    ds.AcquisitionDate, ds.AcquisitionTime = "20261102", "101702"
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = "ACME", "Scan 9", "S-1"
    ds.SoftwareVersions, ds.InstitutionName = "9.1", "Klinikum Süd"
    ds.InstanceNumber, ds.ImageType = n + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows, ds.Columns, ds.PixelSpacing, ds.SliceThickness = 512, 512, [0.35, 0.35], 1.0
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-90, -90, float(n)]
    if sop_class == EnhancedCTImageStorage:
        ds.NumberOfFrames = frames
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds
