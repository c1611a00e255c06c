"""A volume lies where its slices were measured, however they were acquired."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, RLELossless

from ctsma_node.assemble import Series, pixels, read_series, to_volume
from ctsma_node.volume import CTVolume
from tests.fixtures.ct_series import StackPlan, multi_frame, rotation, scene, single_frames, write


def error(volume: CTVolume) -> float:
    """Largest difference, HU, between the volume and the scene at the places its affine names."""
    k, j, i = np.indices(volume.hu.shape)
    expected = np.maximum(scene(volume.to_lps(np.stack([i, j, k], axis=-1))), -1024)
    return float(np.abs(volume.hu - expected).max())


def plan_of(directions: np.ndarray, **changes: object) -> StackPlan:
    row, column = (tuple(float(c) for c in directions[:, at]) for at in (0, 1))
    return StackPlan(row=row, column=column, **changes)  # type: ignore[arg-type]


AXIAL, SAGITTAL, CORONAL = (
    np.eye(3),
    np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]),
    np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
)
PLANS = {
    "axial": plan_of(AXIAL),
    "sagittal": plan_of(SAGITTAL),
    "coronal": plan_of(CORONAL),
    "rows mirrored": plan_of(AXIAL @ np.diag([-1.0, 1, -1])),
    "columns mirrored": plan_of(AXIAL @ np.diag([1.0, -1, -1])),
    "turned by 180 degrees": plan_of(AXIAL @ np.diag([-1.0, -1, 1])),
    "oblique": plan_of(rotation((17, -31, 64))),
    "anisotropic": plan_of(rotation((5, 3, 2)), pixel_spacing=(0.31, 0.97), spacing=2.9),
    "tilted gantry": plan_of(rotation((20, 0, 0)), shear=(0.0, 0.55)),
    "overlapping": plan_of(AXIAL, spacing=0.3),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_hu_equals_the_scene_at_its_place(plan: StackPlan, tmp_path: Path) -> None:
    volume = to_volume(read_series(write(single_frames(plan), tmp_path)))
    assert error(volume) <= 0.51
    assert volume.size == (plan.columns, plan.rows, plan.slices)
    assert volume.spacing[:2] == pytest.approx([plan.pixel_spacing[1], plan.pixel_spacing[0]], abs=1e-6)
    assert np.linalg.det(volume.affine[:3, :3]) > 0
    for k in (0, plan.slices - 1):
        assert volume.to_lps((0, 0, k)) == pytest.approx(plan.position(k), abs=1e-5)


@profile(max_examples=15)
@given(
    turn=st.tuples(*[st.floats(-180, 180)] * 3),
    pixel_spacing=st.tuples(st.floats(0.25, 1.2), st.floats(0.25, 1.2)),
    spacing=st.floats(0.3, 3.0),
    shear=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    backwards=st.booleans(),
)
def test_any_pose_comes_back(
    turn: tuple[float, float, float],
    pixel_spacing: tuple[float, float],
    spacing: float,
    shear: tuple[float, float],
    backwards: bool,
) -> None:
    plan = plan_of(
        rotation(turn),
        rows=6,
        columns=5,
        slices=7,
        pixel_spacing=tuple(round(each, 4) for each in pixel_spacing),
        spacing=spacing,
        shear=shear,
    )
    with tempfile.TemporaryDirectory() as folder:
        volume = to_volume(read_series(write(single_frames(plan), Path(folder), reverse=backwards)))
    assert error(volume) <= 0.52


def test_order_of_files_and_instance_numbers_means_nothing(tmp_path: Path) -> None:
    datasets = single_frames()
    for at, ds in enumerate(datasets):
        ds.InstanceNumber = (at * 17) % 40
        ds.SliceLocation = -3.0 * at
        ds.SpacingBetweenSlices = 0.1
        ds.GantryDetectorTilt = 12
    paths = write(datasets, tmp_path)
    expected = to_volume(read_series(paths))
    volume = to_volume(read_series(paths[::-1]))
    assert error(volume) <= 0.51
    assert volume.spacing[2] == pytest.approx(1.5)
    assert np.array_equal(volume.hu, expected.hu)
    assert volume.sources == expected.sources


def test_sources_and_headers_follow_the_slices(tmp_path: Path) -> None:
    datasets = single_frames()
    series = read_series(write(datasets, tmp_path))
    assert [ds.SOPInstanceUID for ds in series.headers] == [ds.SOPInstanceUID for ds in datasets]
    assert [source.sop_instance_uid for source in series.sources] == [ds.SOPInstanceUID for ds in datasets]
    assert {source.frame_number for source in series.sources} == {None}
    assert series.series_uid == datasets[0].SeriesInstanceUID
    assert all("PixelData" not in ds and ds.file_meta.TransferSyntaxUID for ds in series.headers)


@pytest.mark.parametrize("legacy", [False, True], ids=["enhanced", "legacy converted"])
def test_multi_frame_in_any_order_of_frames(legacy: bool, tmp_path: Path) -> None:
    order = [(at * 7) % 40 for at in range(40)]
    series = read_series(write([multi_frame(order=order, legacy=legacy)], tmp_path))
    volume = to_volume(series)
    assert error(volume) <= 0.76  # slopes up to 1.5
    assert len(series.headers) == 1
    assert [source.frame_number for source in volume.sources] == [order.index(k) + 1 for k in range(40)]


@pytest.mark.parametrize("left", [[], [Dataset()]], ids=["an empty sequence", "an empty item"])
def test_leftovers_of_a_conversion_do_not_hide_where_a_classic_slice_lies(
    left: list[Dataset], tmp_path: Path
) -> None:
    datasets = single_frames()
    for ds in datasets:
        ds.PerFrameFunctionalGroupsSequence = Items(left)
    volume = to_volume(read_series(write(datasets, tmp_path)))
    assert error(volume) <= 0.51
    assert {source.frame_number for source in volume.sources} == {None}


def test_parts_of_a_concatenation_make_one_stack(tmp_path: Path) -> None:
    parts = [multi_frame(order=range(25, 40)), multi_frame(order=range(25))]
    parts[1].SeriesInstanceUID = parts[0].SeriesInstanceUID
    volume = to_volume(read_series(write(parts, tmp_path)))
    assert error(volume) <= 0.76
    assert volume.hu.shape[0] == 40


def test_positions_rounded_to_a_tenth_keep_the_mean_step(tmp_path: Path) -> None:
    plan = StackPlan(spacing=0.625, slices=100, decimals=1)
    series = read_series(write(single_frames(plan), tmp_path))
    assert series.stack.spacing == pytest.approx(0.625, abs=5e-4)


def test_directions_rounded_to_three_decimals_are_made_unit(tmp_path: Path) -> None:
    series = read_series(write(single_frames(plan_of(rotation((17, -31, 64)), decimals=3)), tmp_path))
    directions = series.affine[:3, :2] / np.linalg.norm(series.affine[:3, :2], axis=0)
    assert directions.T @ directions == pytest.approx(np.eye(2), abs=1e-12)


def test_localizer_in_the_series_is_set_aside(tmp_path: Path) -> None:
    datasets = single_frames()
    scout = single_frames(plan_of(CORONAL, slices=1), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])[0]
    scout.SeriesInstanceUID = datasets[0].SeriesInstanceUID
    series = read_series(write([scout, *datasets], tmp_path))
    assert [(each.source.sop_instance_uid, each.code) for each in series.dropped] == [
        (scout.SOPInstanceUID, "localizer")
    ]
    assert len(series.headers) == len(series.frames) == 40
    assert error(to_volume(series)) <= 0.51


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "captured": ("secondary_capture", {"ConversionType": "WSD"}),
    "screen save": ("secondary_capture", {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}),
    "screenshot": ("secondary_capture", {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CSA_SCREENSHOT"]}),
    "projection": ("projection", {"ImageType": ["DERIVED", "SECONDARY", "MAX_IP"]}),
    "rendering": ("projection", {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "VRT"]}),
}
PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID")


def page_of(datasets: list[Dataset], placed: bool = False, **attributes: Any) -> Dataset:
    """What a workstation stored as a CT slice of a series."""
    (page,) = single_frames(StackPlan(rows=32, columns=32, slices=1), **attributes)
    page.SeriesInstanceUID, page.StudyInstanceUID = (
        datasets[0].SeriesInstanceUID,
        datasets[0].StudyInstanceUID,
    )
    for keyword in () if placed else PLACE:
        delattr(page, keyword)
    return page


@pytest.mark.parametrize(("code", "attributes"), PAGES.values(), ids=PAGES)
def test_a_page_that_was_stored_as_a_slice_is_set_aside(
    code: str, attributes: dict[str, Any], tmp_path: Path
) -> None:
    datasets = single_frames()
    page = page_of(datasets, **attributes)
    series = read_series(write([page, *datasets], tmp_path))
    assert [(each.source.sop_instance_uid, each.code) for each in series.dropped] == [
        (page.SOPInstanceUID, code)
    ]
    assert error(to_volume(series)) <= 0.51


@pytest.mark.parametrize("placed", [True, False])
def test_what_may_be_a_slice_or_says_nothing_stays_in_the_series(placed: bool, tmp_path: Path) -> None:
    datasets = single_frames()
    page = page_of(datasets, placed, **({"ConversionType": "WSD"} if placed else {}))
    assert len(read_series(write([page, *datasets], tmp_path)).frames) == 41


def test_pages_alone_stay_in_the_series(tmp_path: Path) -> None:
    datasets = single_frames(StackPlan(slices=3))
    pages = [page_of(datasets, ConversionType="WSD"), page_of(datasets)]
    assert len(read_series(write(pages, tmp_path)).frames) == 2


def copy_of(path: Path, uid: str) -> Path:
    ds = dcmread(path)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    ds.save_as(target := path.with_name(f"copy{path.name}"))
    return target


def test_exact_copy_of_a_slice_is_dropped(tmp_path: Path) -> None:
    paths = write(single_frames(), tmp_path)
    series: Series = read_series([*paths, copy_of(paths[3], "1.2.3.4")])
    assert [each.code for each in series.dropped] == ["duplicate"]
    assert len(series.frames) == 40
    assert error(to_volume(series)) <= 0.51


def test_a_copy_whose_numbers_are_written_otherwise_is_one(tmp_path: Path) -> None:
    paths = write(single_frames(), tmp_path)
    copy = dcmread(again := copy_of(paths[3], "1.2.3.4"))
    copy.PixelSpacing = [f"{float(each) + 1e-8:.8f}" for each in copy.PixelSpacing]
    copy.ImageOrientationPatient = [f"{float(each) + 1e-7:.8f}" for each in copy.ImageOrientationPatient]
    copy.save_as(again)
    assert [each.code for each in read_series([*paths, again]).dropped] == ["duplicate"]


def phases(compressed: bool) -> Dataset:
    """Two phases of a stack in one instance, and an exact copy of one slice."""
    ds = multi_frame(StackPlan(slices=6), order=[*range(6), *range(6), 3])
    values = np.frombuffer(ds.PixelData, np.uint16).reshape(13, 16, 20).copy()
    groups = ds.PerFrameFunctionalGroupsSequence
    groups[12].PixelValueTransformationSequence = groups[3].PixelValueTransformationSequence
    values[12] = values[3]
    values[6:12] += 40
    ds.PixelData = values.tobytes()
    if compressed:
        ds.compress(RLELossless, generate_instance_uid=False)
    return ds


@pytest.mark.parametrize("compressed", [False, True], ids=["native", "compressed"])
def test_an_instance_of_several_phases_is_read_once(
    compressed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[Path] = []
    reading = pixels.read_stored

    def counted(path: Path, *rest: Any) -> Iterator[Any]:
        opened.append(path)
        return reading(path, *rest)

    monkeypatch.setattr(pixels, "read_stored", counted)
    series = read_series(write([phases(compressed)], tmp_path))
    assert len(opened) == 1
    assert len(series.frames) == 12
    assert [each.source.frame_number for each in series.dropped] == [13]


def test_slices_of_distinct_places_are_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(pixels, "read_stored")
    assert len(read_series(write([multi_frame()], tmp_path)).frames) == 40
