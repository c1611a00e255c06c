"""`ctsma-node demo`, which is what `make run` calls, as a stranger runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread

from tests.acceptance.site import CLI, ROOT

WATCHED = ROOT / "tests" / "fixtures" / "watched"
BUNDLE = ROOT / "ctsma_node" / "analysis" / "default_bundle" / "manifest.json"


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What it printed, and its folder."""
    if not BUNDLE.exists():
        pytest.skip("the default bundle has not been trained yet")
    out = tmp_path_factory.mktemp("demo") / "out"
    paths = [str(WATCHED), *filter(None, [os.environ.get("PYTHONPATH")])]
    watched = {"PICKLE_LOG": str(out.with_name("pickles")), "PYTHONPATH": os.pathsep.join(paths)}
    command = [*CLI, "demo", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=290, cwd=ROOT, check=False, env=os.environ | watched
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


def test_no_process_of_the_node_loads_a_pickle(demonstrated: tuple[str, Path]) -> None:
    """Receiving, loading the bundle, analysing, reporting and delivering; each process was watched."""
    _, out = demonstrated
    lines = out.with_name("pickles").read_text(encoding="utf-8").splitlines()
    node = [line for line in lines if any(f"'{service}'" in line for service in ("receive", "work", "web"))]
    assert len([line for line in node if " watched " in line]) == 3
    assert [line for line in node if " loads " in line] == []


def test_a_process_that_loads_a_pickle_is_seen(tmp_path: Path) -> None:
    log, script = tmp_path / "pickles", "import pickle; pickle.loads(pickle.dumps(len))"
    watched = os.environ | {"PICKLE_LOG": str(log), "PYTHONPATH": str(WATCHED)}
    subprocess.run([sys.executable, "-c", script], env=watched, check=True)
    assert " loads ('builtins', 'len')" in log.read_text(encoding="utf-8")


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
