"""`ctsma-node demo`, which is what `make run` calls, as a stranger runs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread

from tests.acceptance.site import CLI, ROOT

BUNDLE = ROOT / "ctsma_node" / "analysis" / "default_bundle" / "manifest.json"


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What it printed, and its folder."""
    if not BUNDLE.exists():
        pytest.skip("the default bundle has not been trained yet")
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [*CLI, "demo", "--out", str(out)], capture_output=True, text=True, timeout=290, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, out


def test_it_shows_the_results_beside_the_truth(demonstrated: tuple[str, Path]) -> None:
    shown, _ = demonstrated
    assert "measured" in shown
    assert "truth" in shown
    differences = [float(part) for part in re.findall(r"([+-]\d+\.\d)%", shown)]
    assert len(differences) == 8
    assert max(map(abs, differences)) < 10.0
    assert "Research use only." in shown


def test_the_objects_and_the_picture_lie_where_it_says(demonstrated: tuple[str, Path]) -> None:
    shown, out = demonstrated
    with Image.open(out / "picture.png") as picture:
        assert min(picture.size) > 500
    objects = list((out / "results").glob("*.dcm"))
    assert len(objects) == 100
    assert len({dcmread(path, stop_before_pixels=True).StudyInstanceUID for path in objects}) == 1
    for place in ("picture.png", "results", "phantom/2026-R/002026/dicom", "node"):
        assert str(out / place) in shown


def test_nothing_is_left_running(demonstrated: tuple[str, Path]) -> None:
    _, out = demonstrated
    left = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        left += [command] if str(out).encode() in command else []
    assert left == []
