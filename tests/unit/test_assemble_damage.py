"""Damaged bytes end in a refusal, never in another error; foreign files are left out."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from ctsma_node.assemble import group_by_series, read_series, to_volume
from ctsma_node.errors import Refused
from ctsma_node.gate import GateSettings, accept_headers, accept_volume
from tests.fixtures.ct_series import StackPlan, multi_frame, single_frames, stored, write

PLAN = StackPlan(slices=3)
LIMITS = GateSettings(min_slices=3, min_coverage_mm=0)


def damaged(content: bytes, draw: random.Random) -> bytes:
    """A few bytes changed, lost, inserted, or everything from one on lost; the header is hit most."""
    spoilt = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        end = len(spoilt) if draw.random() < 0.3 else min(len(spoilt), 1200)
        at = draw.randrange(128, end)
        way = draw.random()
        if way < 0.5:
            spoilt[at] = draw.randrange(256)
        elif way < 0.7:
            del spoilt[at : at + draw.randrange(1, 9)]
        elif way < 0.9:
            spoilt[at:at] = draw.randbytes(draw.randrange(1, 9))
        else:
            del spoilt[max(at, 200) :]
    return bytes(spoilt)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_damaged_instances_are_refused_or_read(syntax: UID | None, tmp_path: Path) -> None:
    draw = random.Random(20260314)
    datasets = [multi_frame(PLAN)] if syntax is None else single_frames(PLAN)
    if syntax:
        for ds in datasets:
            ds.compress(syntax, generate_instance_uid=False)
    paths = write(datasets, tmp_path)
    refusals, count = 0, 24 if syntax else 60
    for _ in range(count):
        path = draw.choice(paths)
        content = path.read_bytes()
        path.write_bytes(damaged(content, draw))
        try:
            series = read_series(paths)
            accept_headers(series, LIMITS)
            accept_volume(to_volume(series), series, LIMITS)
        except Refused:
            refusals += 1
        path.write_bytes(content)
    assert count / 3 <= refusals < count


def test_damaged_rle_segments_are_refused(tmp_path: Path) -> None:
    datasets = single_frames(PLAN)
    for ds in datasets:
        ds.compress(RLELossless, generate_instance_uid=False)
        header = ds.PixelData[: 16 + 64]
        ds.PixelData = header + b"\x7f" * (len(ds.PixelData) - len(header))
    series = read_series(write(datasets, tmp_path))
    with pytest.raises(Refused, match="undecodable_pixels"):
        to_volume(series)


def test_padding_of_ambiguous_vr_is_read_by_its_bits(tmp_path: Path) -> None:
    datasets = single_frames(PLAN, PixelRepresentation=1, RescaleIntercept="0")
    for ds in datasets:
        values = stored(ds)
        values[:, :3] = 3050
        ds.PixelData = values.tobytes()
        ds.add_new("PixelPaddingValue", "SS", 3050)
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert (to_volume(read_series(write(datasets, tmp_path))).hu[:, :, :3] == -1024).all()


def test_frames_that_nothing_describes_have_no_place(tmp_path: Path) -> None:
    ds = multi_frame(PLAN)
    ds.NumberOfFrames = 20_000
    frames = read_series(write([ds], tmp_path)).frames
    assert [frame.has_place for frame in frames] == [True] * 3 + [False] * 19_997
    assert [frame.index for frame in frames] == list(range(20_000))


def test_files_are_grouped_by_series_and_others_left_out(tmp_path: Path) -> None:
    groups = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        datasets = single_frames(PLAN)
        groups[str(datasets[0].SeriesInstanceUID)] = set(write(datasets, tmp_path / name))
    (tmp_path / "notes.txt").write_text("no DICOM")
    (tmp_path / "empty").write_bytes(b"")
    found = group_by_series(path for path in tmp_path.rglob("*") if path.is_file())
    assert {uid: set(paths) for uid, paths in found.items()} == groups


def test_what_the_system_does_not_give_is_no_fault_of_the_series(tmp_path: Path) -> None:
    paths = write(single_frames(PLAN), tmp_path)
    series = read_series(paths)
    paths[1].unlink()
    paths[1].mkdir()
    for attempt in (lambda: read_series(paths), lambda: group_by_series(paths), lambda: to_volume(series)):
        with pytest.raises(IsADirectoryError):
            attempt()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOVERFLOW])
def test_a_seek_to_where_no_file_goes_is_damage(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "of a length that a damaged element names")

    monkeypatch.setattr("ctsma_node.assemble.headers.dcmread", fail)
    with pytest.raises(Refused, match="unreadable"):
        read_series(write(single_frames(PLAN), tmp_path))
