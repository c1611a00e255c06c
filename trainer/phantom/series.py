"""A rendered series on disk as DICOM, the truth beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ctsma_node.analysis.result import OAClass, Side
from ctsma_node.volume import CTVolume
from trainer.phantom.acquisition import CTAcquisition, draw_acquisition
from trainer.phantom.ct import Painted, render_ct
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
from trainer.phantom.multiframe import enhanced_ct, legacy_ct
from trainer.phantom.record import write_truth
from trainer.phantom.scene import draw_scene

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def write_series(
    scene: Painted,
    acquisition: CTAcquisition,
    folder: Path,
    *,
    seed: int,
    header: Header | None = None,
    volume: CTVolume | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
    shuffle_numbers: bool = False,
    reverse_files: bool = False,
    enhanced: bool = False,
    legacy: bool = False,
    truth: bool = True,
) -> list[Path]:
    """Render and write `folder`/dicom/*.dcm, `folder`/truth.json and truth.npz; returns the DICOM files.

    `shuffle_numbers` gives InstanceNumber an order of its own, `reverse_files` the file names. `enhanced`
    writes one Enhanced CT instance, `legacy` one Legacy Converted Enhanced CT instance. A `volume` that was
    rendered already is taken as it is. Same arguments, same bytes (compressed: with the same encoder).
    """
    who = header or Header(seed=seed)
    image = volume or render_ct(scene, acquisition)
    count = image.hu.shape[0]
    numbers = np.arange(count)
    if shuffle_numbers:
        numbers = np.random.default_rng((seed, 29)).permutation(count)
    pairs = ((k, int(numbers[k]) + 1) for k in range(count))
    slices: Iterator[Dataset] = (_slice(image, k, number, acquisition, who) for k, number in pairs)
    if enhanced:
        slices, count = iter([enhanced_ct(list(slices), acquisition, who)]), 1
    elif legacy:
        slices, count = iter([legacy_ct(list(slices), who)]), 1
    paths = save(_overridden(slices, who), count, folder / "dicom", transfer_syntax, reverse_files)
    if truth:
        write_truth(scene, acquisition, folder, seed)
    return paths


def write_subject(
    seed: int,
    folder: Path,
    acquisition: CTAcquisition | None = None,
    sides: tuple[Side, ...] | None = None,
    oa_class: OAClass | None = None,
) -> list[Path]:
    """Draw everything from the seed and write it; sides and acquisition are drawn where not given.

    A given acquisition is laid over the knees of the scene.
    """
    rng = np.random.default_rng((seed, 31))
    choices = ((Side.RIGHT,), (Side.LEFT,), (Side.RIGHT, Side.LEFT))
    scene = draw_scene(seed, sides or choices[int(rng.choice(3, p=[0.35, 0.35, 0.3]))], oa_class)
    if acquisition is None:
        drawn = draw_acquisition(seed, scene)
    else:
        x, y, z = scene.centre
        drawn = replace(acquisition, centre=(float(x), float(y), float(z)), noise_seed=seed)
    return write_series(scene, drawn, folder, seed=seed)


def _overridden(slices: Iterable[Dataset], header: Header) -> Iterator[Dataset]:
    for ds in slices:
        apply_overrides(ds, header)
        yield ds


def _slice(volume: CTVolume, k: int, number: int, acquisition: CTAcquisition, header: Header) -> Dataset:
    """One CT Image Storage instance (PS3.3 A.3)."""
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = header.uid("instance", header.series, k)
    add_patient_and_study(ds, header)
    add_series_and_equipment(ds, header, "CT", f"knee {acquisition.orientation}")
    # AXIAL tells a cross-section from a localizer, whatever its plane (PS3.3 C.8.2.1.1.1).
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.ContentDate = ds.AcquisitionDate = ds.InstanceCreationDate = DATE
    ds.ContentTime = ds.AcquisitionTime = ds.InstanceCreationTime = TIME
    ds.InstanceNumber, ds.AcquisitionNumber = number, 1
    add_plane(ds, volume.affine, k)
    ds.SliceThickness = decimal(acquisition.slice_thickness)
    if acquisition.orientation in ("axial", "oblique"):
        ds.SliceLocation = decimal(volume.affine[2, 3] + k * volume.affine[2, 2])
    ds.KVP, ds.XRayTubeCurrent, ds.ExposureTime = "120", 200, 500
    ds.ConvolutionKernel, ds.FilterType = acquisition.kernel_name, "NONE"
    ds.ReconstructionDiameter = decimal(acquisition.fov_mm)
    ds.GantryDetectorTilt = decimal(acquisition.tilt)
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "350", "1500"
    ds.BurnedInAnnotation = "NO"
    add_pixels(ds, *volume.hu.shape[1:])
    ds.PixelData = volume.hu[k].astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def save(
    slices: Iterable[Dataset],
    count: int,
    folder: Path,
    transfer_syntax: str = ExplicitVRLittleEndian,
    reverse_files: bool = False,
) -> list[Path]:
    """Write `count` instances as `folder`/0001.dcm and so on, one at a time; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{n + 1:04d}.dcm" for n in range(count)]
    if reverse_files:
        names.reverse()
    paths = []
    for name, ds in zip(names, slices, strict=True):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = UID(transfer_syntax) if transfer_syntax in NATIVE else ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
        ds.file_meta = meta
        if transfer_syntax not in NATIVE:
            ds.compress(transfer_syntax, generate_instance_uid=False)
        ds.save_as(folder / name, enforce_file_format=True)
        paths.append(folder / name)
    return sorted(paths)
