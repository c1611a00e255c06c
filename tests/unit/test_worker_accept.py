"""A series before it is analysed: what it is comes before its pixels, also where slices share a place."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ctsma_node.assemble import Series, pixels
from ctsma_node.choice.refusals import refused
from ctsma_node.errors import Refused
from ctsma_node.gate import GateSettings
from ctsma_node.worker.steps import accept
from tests.fixtures.ct_series import single_frames, stored, write


def twice(slices: list[Dataset]) -> list[Dataset]:
    """Every slice under a second UID too."""
    again = deepcopy(slices)
    for ds in again:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return [*slices, *again]


def cut_short(slices: list[Dataset]) -> None:
    for ds in slices:
        ds.PixelData = ds.PixelData[:10]


def of_a_child(slices: list[Dataset]) -> None:
    for ds in slices:
        ds.PatientAge = "012Y"


def of_another_modality(slices: list[Dataset]) -> None:
    for ds in slices:
        ds.Modality = "MR"
        del ds.RescaleSlope


@pytest.mark.parametrize(
    ("oddity", "code"),
    [(of_a_child, "paediatric_age"), (of_another_modality, "not_ct"), (cut_short, "truncated_pixels")],
)
def test_the_plainest_reason_is_named_though_slices_share_places(
    oddity: Callable[[list[Dataset]], None], code: str, tmp_path: Path
) -> None:
    slices = twice(single_frames())
    oddity(slices)
    cut_short(slices)
    with pytest.raises(Refused) as refusal:
        accept(write(slices, tmp_path), GateSettings())
    assert refusal.value.code == code


def by_rule(series: Series) -> None:
    raise refused("excluded_by_rule", rule="none")


@pytest.mark.parametrize(
    ("limits", "before", "code"),
    [
        (GateSettings(max_voxels=40 * 16 * 20 - 1), lambda series: None, "too_large"),
        (GateSettings(), by_rule, "excluded_by_rule"),
    ],
)
def test_what_is_refused_for_its_size_or_by_a_rule_is_not_decoded(
    limits: GateSettings,
    before: Callable[[Series], None],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delattr(pixels, "read_stored")
    with pytest.raises(Refused, match=code):
        accept(write(twice(single_frames()), tmp_path), limits, before)


def test_copies_count_for_nothing(tmp_path: Path) -> None:
    accepted = accept(write(twice(single_frames()), tmp_path), GateSettings(max_voxels=40 * 16 * 20))
    assert accepted.volume.hu.shape == (40, 16, 20)
    assert [each.code for each in accepted.series.dropped] == ["duplicate"] * 40
    assert len(accepted.series.headers) == 40


def test_another_phase_is_no_copy(tmp_path: Path) -> None:
    slices = twice(single_frames())
    for ds in slices[40:]:
        ds.PixelData = (stored(ds) + 7).astype(np.uint16).tobytes()
    with pytest.raises(Refused, match="duplicate_positions"):
        accept(write(slices, tmp_path), GateSettings())
