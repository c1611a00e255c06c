"""Small real-shaped series of every syntax and shape that the receiver takes: what mutants are made from."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.fixtures.ct_series import StackPlan, multi_frame, single_frames
from tests.fixtures.encoded import encoded, with_raw

CORPUS = Path(__file__).parent / "corpus"
"""Inputs that reached something new under `guided`: the number of a syntax in SYNTAXES, then a dataset."""

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless)
_PLAN = StackPlan(slices=3)


@dataclass(frozen=True)
class Seed:
    """The instances of one series, encoded without file meta information."""

    name: str
    syntax: str
    instances: tuple[bytes, ...]


def seeds() -> list[Seed]:
    """Every one that is made here."""
    made = [_series(syntax.name, syntax) for syntax in SYNTAXES[:3]]
    made += [_compressed(syntax) for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless)]
    made += [_series(name, ExplicitVRLittleEndian, odd) for name, odd in _ODDITIES.items()]
    made += [_series(f"{name}, implicit", ImplicitVRLittleEndian, odd) for name, odd in _ODDITIES.items()]
    for legacy in (False, True):
        ds = _numbered([multi_frame(_PLAN, legacy=legacy)])[0]
        made.append(Seed(f"multi-frame, legacy {legacy}", ExplicitVRLittleEndian, (encoded(ds),)))
    return made


def corpus() -> list[Seed]:
    """The kept inputs, each a series of one instance."""
    return [
        Seed(path.name, SYNTAXES[content[0] % len(SYNTAXES)], (content[1:],))
        for path in sorted(CORPUS.glob("*"))
        if (content := path.read_bytes())
    ]


def _numbered(datasets: list[Dataset]) -> list[Dataset]:
    """The same UIDs in every run."""
    for number, ds in enumerate(datasets):
        ds.StudyInstanceUID, ds.SeriesInstanceUID = (
            "1.2.826.0.1.3680043.8.498.1",
            "1.2.826.0.1.3680043.8.498.2",
        )
        ds.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.3"
        ds.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.4.{number}"
    return datasets


def _series(name: str, syntax: UID, odd: Callable[[Dataset], object] = lambda ds: None) -> Seed:
    instances = []
    for ds in _numbered(single_frames(_PLAN)):
        odd(ds)
        ds.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian, "ascii")
        instances.append(encoded(ds, syntax))
    return Seed(name, syntax, tuple(instances))


def _compressed(syntax: UID) -> Seed:
    datasets = _numbered(single_frames(StackPlan(rows=48, columns=40, slices=3)))
    for ds in datasets:
        ds.compress(syntax, generate_instance_uid=False)
    return Seed(syntax.name, syntax, tuple(encoded(ds) for ds in datasets))


def _nest(ds: Dataset) -> None:
    """Forty sequences deep, each of undefined length."""
    inner = Dataset()
    inner.CodeMeaning = "x"
    for _ in range(40):
        outer = Dataset()
        outer.ConceptNameCodeSequence = Items([inner])
        outer["ConceptNameCodeSequence"].is_undefined_length = True
        inner.is_undefined_length_sequence_item = True
        inner = outer
    ds.RequestAttributesSequence = Items([inner])


def _refer(ds: Dataset) -> None:
    """Many items, empty ones among them, with private attributes within."""
    items = [Dataset() for _ in range(12)]
    for number, item in enumerate(items[::2]):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.3", f"1.2.{number}"
        item.add_new(0x00090010, "LO", "ACME 1.0")
        item.add_new(0x00091001, "UN", b"\xfe\xff\x00\xe0\xff\xff\xff\xff")
    ds.SourceImageSequence = Items(items)
    ds["SourceImageSequence"].is_undefined_length = True


def _be_private(ds: Dataset) -> None:
    """Private blocks, one of unknown VR that holds what may be a sequence (PS3.5 6.2.2)."""
    ds.add_new(0x00110010, "LO", "ACME 1.0")
    ds.add_new(0x00111001, "UN", struct.pack("<HHLHHL", 0xFFFE, 0xE000, 8, 0x0008, 0x0100, 0) * 3)
    ds.add_new(0x00111002, "OB", bytes(64))
    ds.add_new(0x00111003, "FD", [1.5] * 9)


def _write_oddly(ds: Dataset) -> None:
    """Texts in a declared character set, numbers as people write them, a long text."""
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    with_raw(ds, 0x00281052, "DS", b"-1024,0 ")
    with_raw(ds, 0x00200013, "IS", b"1.0\0")
    with_raw(ds, 0x00280030, "DS", b" 0.80000000000000004\\0.6")
    ds.ImageComments = "c" * 3000


_ODDITIES: dict[str, Callable[[Dataset], object]] = {
    "nested": _nest,
    "references": _refer,
    "private": _be_private,
    "oddly written": _write_oddly,
}
