"""`analyse` into a folder that holds the results of an earlier analysis."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ctsma_node.cli import app
from tests.acceptance.stand_ins import FakeAnalyser
from tests.fixtures.ct_series import StackPlan, single_frames, write

PLAN = StackPlan(rows=8, columns=8)


@pytest.fixture(autouse=True)
def analyser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctsma_node.worker.service.load_analyser", lambda settings: FakeAnalyser())
    monkeypatch.setenv("COLUMNS", "200")


def series(folder: Path, **attributes: str) -> Path:
    folder.mkdir()
    write(single_frames(PLAN, **attributes), folder)
    return folder


def analyse(folder: Path, out: Path) -> Result:
    return CliRunner().invoke(app, ["analyse", str(folder), "--out", str(out)])


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_refused_series_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    out, source = tmp_path / "out", series(tmp_path / "ct")
    assert analyse(source, out).exit_code == 0
    before = files(out)
    assert len(before) == 102
    assert analyse(source, out).exit_code == 0  # the same again gives the same
    assert files(out) == before
    for kept in ("notes.txt", "dicom/mine.dcm"):
        (out / kept).write_text("of a person")
    shown = analyse(series(tmp_path / "mr", Modality="MR"), out)
    assert shown.exit_code == 3
    assert "earlier analysis" in shown.output
    assert files(out) == ["dicom/mine.dcm", "notes.txt"]


def test_one_series_where_several_were(tmp_path: Path) -> None:
    earlier = (
        "series-002/picture.png",
        "series-002/measurements.csv",
        "series-002/dicom/R-910-report-001.dcm",
    )
    for name in earlier:
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of another patient")
    analyse(series(tmp_path / "mr", Modality="MR"), tmp_path / "out")
    assert files(tmp_path / "out") == []


def test_what_is_analysed_is_not_removed(tmp_path: Path) -> None:
    """Objects of the node that lie in the very folder, as input."""
    scan = series(tmp_path / "dicom", Modality="MR")
    for number, path in enumerate(sorted(scan.iterdir()), start=1):
        path.rename(scan / f"L-900-volume-{number:03d}.dcm")
    before = files(scan)
    assert analyse(scan, tmp_path).exit_code == 3
    assert files(scan) == before
