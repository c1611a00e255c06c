"""A series analysed without ledger or network: `analyse`."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ctsma_node.config import Settings
from ctsma_node.errors import Refused
from ctsma_node.worker.single import analyse_series
from tests.acceptance.stand_ins import FakeAnalyser
from tests.fixtures.ct_series import StackPlan, single_frames, write

PLAN = StackPlan(rows=8, columns=8)


def test_objects_and_picture(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    paths = write(single_frames(PLAN), tmp_path / "series")
    told: list[float] = []
    single = analyse_series(
        paths, Settings(), FakeAnalyser(), tmp_path / "out", lambda stage, share: told.append(share)
    )
    assert sorted(single.objects) == sorted((tmp_path / "out" / "dicom").iterdir())
    assert len(single.objects) == 100
    assert told == sorted(told)
    with Image.open(single.picture) as picture:
        assert picture.mode == "RGB"


def test_refused(tmp_path: Path) -> None:
    paths = write(single_frames(PLAN, Modality="MR"), tmp_path)
    with pytest.raises(Refused, match="not_ct"):
        analyse_series(paths, Settings(), FakeAnalyser(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
