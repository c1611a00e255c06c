"""How a header that breaks a rule, or uses a rare one, is made and written, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.fixtures.encoded import with_raw
from tests.unit.report.knee_results import source_headers

Change = Callable[[Dataset], None]


@dataclass(frozen=True)
class OddHeader:
    """One way in which the headers of a series are odd."""

    name: str
    change: Change
    said: Mapping[str, str | None] = field(default_factory=dict)
    """What a result says; None where it must not hold the attribute."""
    kept: frozenset[str] = frozenset()
    """What a result holds as the source has it although that breaks a rule."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """By step (receive, assemble, report) the code of the refusal."""
    conforms: bool = False
    """The source breaks no rule, so that result and source agree on patient and study."""
    syntax: str = ExplicitVRLittleEndian
    sop_class: str = ""
    """Of a multi-frame source."""


def series(case: OddHeader) -> Iterator[Dataset]:
    """Three slices, or one multi-frame instance, each with the oddity and with pixels."""
    frames = 3
    for ds in source_headers(frames, multi_frame=bool(case.sop_class), Rows=8, Columns=8):
        ds.file_meta.TransferSyntaxUID = UID(case.syntax)
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = bytes(128 * (frames if case.sop_class else 1))
        ds["PixelData"].VR = "OW"
        case.change(ds)
        # pydicom writes raw bytes as they stand where it believes that they were read in this encoding.
        syntax = ds.file_meta.TransferSyntaxUID
        ds.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian, ds._character_set)
        yield ds


def written(case: OddHeader, folder: Path) -> list[Path]:
    """The files of the series."""
    paths = []
    for n, ds in enumerate(series(case)):
        paths.append(folder / f"source-{n}.dcm")
        dcmwrite(paths[-1], ds, enforce_file_format=True)
    return paths


def raw(vr: str = "", /, **values: bytes | None) -> Change:
    """Attributes as these bytes, in their own VR or another one; None takes one away."""

    def change(ds: Dataset) -> None:
        for keyword, value in values.items():
            tag = tag_for_keyword(keyword)
            assert tag is not None
            if value is None:
                ds.pop(tag, None)
            else:
                with_raw(ds, tag, vr or dictionary_VR(tag), value)

    return change


def having(**attributes: object) -> Change:
    """Attributes with these values."""

    def change(ds: Dataset) -> None:
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)

    return change


def item(**attributes: object) -> Dataset:
    """An item of a sequence."""
    ds = Dataset()
    having(**attributes)(ds)
    return ds
