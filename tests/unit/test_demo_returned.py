"""What the demonstration shows is what the objects say: numbers and picture survive the way through DICOM."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ctsma_node.analysis.result import Bone, CartilageRegion, Compartment, Parameter, Side
from ctsma_node.demo.returned import objects_by_class, reports_in, save_picture
from ctsma_node.report import NodeIdentity, build_set, write_object
from tests.unit.report.knee_results import analysis, source_headers


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("returned")
    node = NodeIdentity("maker", "model", "1", "serial")
    made = build_set(analysis(Side.LEFT, Side.RIGHT), source_headers(4), node=node)
    for obj in made:
        write_object(obj, folder / obj.file_name)
    return sorted(folder.iterdir())


def test_the_numbers_of_both_knees(returned: list[Path]) -> None:
    reports = reports_in(returned)
    assert [report.side for report in reports] == [Side.RIGHT, Side.LEFT]
    for report in reports:
        knee = analysis(report.side).knees[0]
        assert report.oa_class is knee.oa_class
        assert report.oa_probability == pytest.approx(knee.oa_probability)
        assert report.cartilage == pytest.approx({r: knee.cartilage[r].value for r in CartilageRegion})
        assert report.contributions == pytest.approx({c: knee.explanation.of(c) for c in Compartment})
        for bone in Bone:
            made = [each for each in knee.subregions if each.bone is bone]
            for back, subregion in zip(report.subregions[bone], made, strict=True):
                assert back.values == pytest.approx({p: subregion.values[p].value for p in Parameter})
                assert back.centre == pytest.approx(subregion.centre, abs=0.01)


def test_the_pictures_of_both_knees(returned: list[Path], tmp_path: Path) -> None:
    assert objects_by_class(returned)["Secondary Capture Image"] == 2
    picture = save_picture(returned, tmp_path / "picture.png")
    assert picture is not None
    with Image.open(picture) as image:
        assert image.mode == "RGB"
        assert image.height > image.width


def test_no_picture_came_back(tmp_path: Path) -> None:
    assert save_picture([], tmp_path / "picture.png") is None
