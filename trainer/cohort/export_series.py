"""One series de-identified: its instances, or its NIfTI file, written anew."""

from __future__ import annotations

import os
from pathlib import Path

import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset

from ctsma_node.assemble.attributes import text
from ctsma_node.assemble.strays import SECONDARY_CAPTURE
from ctsma_node.assemble.syntax import transfer_syntax
from trainer.cohort.codes import refused
from trainer.cohort.deidentify import Deidentification, deidentify
from trainer.cohort.manifest import SeriesEntry


def export_dicom(entry: SeriesEntry, archive: Path, folder: Path, how: Deidentification, side: str) -> None:
    """Write a series as `folder`/0001.dcm and so on, in the order of its slices; what is there already stays.

    `side` (R, L or "") is written as Laterality, since descriptions that named it may be gone.
    Raises Refused: burned_in_risk, unwritable, unreadable_files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(entry.paths(archive), start=1):
        target = folder / f"{number:04d}.dcm"
        if target.exists():
            continue
        try:
            ds = dcmread(path, force=True)
        except Exception as error:  # gone or damaged since the manifest was made
            raise refused("unreadable_files", count=1, total=len(entry.files)) from error
        no_burned_in_risk(ds)
        syntax = transfer_syntax(ds)
        deidentify(ds, how)
        if side:
            ds.Laterality = side
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.preamble = b"\0" * 128
        _save(ds, target)


def no_burned_in_risk(ds: Dataset) -> None:
    """Pixels show anatomy alone, as far as the header tells. Raises Refused `burned_in_risk`."""
    if "YES" in (text(ds, "BurnedInAnnotation").upper(), text(ds, "RecognizableVisualFeatures").upper()):
        raise refused("burned_in_risk", why="Burned In Annotation or Recognizable Visual Features is YES")
    if text(ds, "SOPClassUID") in SECONDARY_CAPTURE:
        raise refused("burned_in_risk", why="a secondary capture")
    overlays = (ds.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))  # Overlay Bit Position
    if any(overlay is not None and overlay.value for overlay in overlays):
        raise refused("burned_in_risk", why="an overlay in the unused bits of the pixels")


def export_nifti(entry: SeriesEntry, archive: Path, target: Path) -> None:
    """Write a NIfTI file with its grid and voxels alone, without the texts of its header."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        image = sitk.ReadImage(str(archive / entry.folder / entry.files[0]), imageIO="NiftiImageIO")
    except RuntimeError as error:
        raise refused("unreadable_files", count=1, total=1) from error
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    part = target.with_name(f".{os.getpid()}.{target.name}")
    sitk.WriteImage(image, str(part), True)
    part.rename(target)


def _save(ds: Dataset, target: Path) -> None:
    """The file appears whole or not at all."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        ds.save_as(part, enforce_file_format=True)
    except Exception as error:  # values that no writer takes
        part.unlink(missing_ok=True)
        raise refused("unwritable") from error
    part.rename(target)
