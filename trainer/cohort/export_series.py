"""One series de-identified: its instances, or its NIfTI file, written anew."""

from __future__ import annotations

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


def export_dicom(entry: SeriesEntry, archive: Path, folder: Path, how: Deidentification) -> None:
    """Write a series as `folder`/0001.dcm and so on, in the order of its slices.

    The side is written into each instance, since descriptions that named it may be gone: Image Laterality
    (0020,0062), which knows R, L and B.
    Raises Refused: burned_in_risk, unwritable, unreadable_files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(entry.paths(archive), start=1):
        try:
            ds = dcmread(path, force=True)
        except Exception as error:  # gone or damaged since the manifest was made
            raise refused("unreadable_files", count=1, total=len(entry.files)) from error
        no_burned_in_risk(ds)
        syntax = transfer_syntax(ds)
        deidentify(ds, how)
        if entry.shows:
            ds.pop("Laterality", None)  # may not stand beside the other (PS3.3 C.7.3.1)
            ds.ImageLaterality = entry.shows
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.preamble = b"\0" * 128
        try:
            ds.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
        except Exception as error:  # values that no writer takes
            raise refused("unwritable") from error


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
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        image = sitk.ReadImage(str(archive / entry.folder / entry.files[0]), imageIO="NiftiImageIO")
    except RuntimeError as error:
        raise refused("unreadable_files", count=1, total=1) from error
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    part = target.with_name(f"{target.name}.nii.gz")  # the suffix tells the format
    sitk.WriteImage(image, str(part), True)
    part.rename(target)
