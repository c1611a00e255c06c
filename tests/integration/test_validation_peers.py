"""The node's own checks beside dciodvfy's: what that calls an error of one object is a finding here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from ctsma_node.report import NodeIdentity, build_set
from ctsma_node.validation import check_files
from tests.unit.report.knee_results import source_headers
from tests.unit.validation.planted import Written, at, few_subregions

RequireTool = Callable[[str], Path]
AttributePath = tuple[str | int, ...]
FRAME = "PerFrameFunctionalGroupsSequence", 0, "DerivationImageSequence"

NOT_CALLED = {
    # It asks the first frame whether the object refers to anything; other frames do.
    ("segmentation", "dropped", FRAME),
    ("segmentation", "emptied", (*FRAME, 0, "SourceImageSequence")),
}
"""What dciodvfy calls an error and these checks do not."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Written:
    headers = source_headers(3)
    node = NodeIdentity("ctsma_node project", "ctsma-node", "0.1.0", "test-1")
    return Written.of(
        build_set(few_subregions(), headers, node=node), tmp_path_factory.mktemp("left"), headers
    )


def paths_in(ds: Dataset, above: AttributePath = ()) -> Iterator[AttributePath]:
    """Every attribute of the dataset and of the first item of every sequence."""
    for element in ds:
        here = (*above, element.keyword)
        yield here
        if element.VR == "SQ" and element.value:
            yield from paths_in(element.value[0], (*here, 0))


def is_error(dciodvfy: Path, file: Path) -> bool:
    said = subprocess.run([dciodvfy, file], capture_output=True, text=True, errors="replace", check=False)
    return any(line.startswith("Error") for line in (said.stdout + said.stderr).splitlines())


@pytest.mark.parametrize("kind", ["volume", "segmentation", "parametric_map", "viewer_report", "picture"])
def test_what_dciodvfy_calls_an_error_is_found(
    require_tool: RequireTool, left: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Each attribute dropped, or emptied; of attributes with equal names in equal places one in three."""
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    dciodvfy, source, copy = require_tool("dciodvfy"), left.files[kind][0], tmp_path / "copy.dcm"
    assert not is_error(dciodvfy, source)
    distinct = {
        path[-3:]: path for path in paths_in(dcmread(source)) if not str(path[-1]).endswith("PixelData")
    }
    missed, errors = [], 0
    for number, path in enumerate(distinct.values()):
        if number % 3 and len(path) > 1:
            continue
        how = "emptied" if number % 2 else "dropped"
        ds = dcmread(source)
        item = at(ds, path[:-1])
        if how == "dropped":
            del item[path[-1]]
        else:
            item[path[-1]].value = [] if item[path[-1]].VR == "SQ" else None
        ds.save_as(copy)
        if is_error(dciodvfy, copy):
            errors += 1
            if not check_files([copy]).findings:
                missed.append((kind, how, path))
    assert errors >= 15
    assert set(missed) <= NOT_CALLED
