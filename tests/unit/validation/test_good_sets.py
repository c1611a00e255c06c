"""Sets that are as they should be: no check finds anything, whatever the source's headers were."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from ctsma_node.analysis.result import AnalysisResult, KneeNotAnalysed, Side
from ctsma_node.assemble import read_series
from ctsma_node.report import ALL_OBJECTS, NodeIdentity, build_note, build_set, secondary_capture
from ctsma_node.validation import check_files, check_set
from tests.unit.report.knee_results import analysis, source_headers
from tests.unit.report.odd_headers import OddHeader, written
from tests.unit.report.test_source_table import TABLE
from tests.unit.validation.planted import Written, few_subregions


def findings(
    result: AnalysisResult, headers: tuple[Dataset, ...], node: NodeIdentity, folder: Path, **more: Any
) -> list[str]:
    objects = build_set(result, headers, node=node, **more)
    files = Written.of(objects, folder, headers)
    return [str(each) for each in check_set(files.paths(), result, headers)]


def test_two_whole_knees(node: NodeIdentity, tmp_path: Path) -> None:
    result = analysis(Side.LEFT, Side.RIGHT)
    assert findings(result, source_headers(40), node, tmp_path, objects=ALL_OBJECTS) == []


@pytest.mark.parametrize("kind", sorted(ALL_OBJECTS))
def test_a_set_of_one_kind(node: NodeIdentity, tmp_path: Path, kind: str) -> None:
    assert findings(few_subregions(), source_headers(40), node, tmp_path, objects=frozenset({kind})) == []


def test_the_same_files_as_files_of_any_make(left: Written) -> None:
    assert check_files(left.paths()).findings == ()
    assert check_files(left.paths(), left.headers).findings == ()


def test_a_revision_that_names_its_predecessor(node: NodeIdentity, tmp_path: Path) -> None:
    first = build_set(few_subregions(), source_headers(40), node=node)
    predecessor = [each.reference for each in first]
    headers = source_headers(41)
    assert findings(few_subregions(), headers, node, tmp_path, revision=2, predecessor=predecessor) == []


def test_a_knee_that_was_not_analysed(node: NodeIdentity, tmp_path: Path) -> None:
    other = KneeNotAnalysed(Side.RIGHT, "metal_implant", "an implant fills the joint")
    result = analysis(Side.LEFT, not_analysed=(other,))
    objects = frozenset({"viewer_report", "not_analysed"})
    more = {"objects": objects, "explained": {other.code}}
    assert findings(result, source_headers(40), node, tmp_path, **more) == []


def test_a_note_on_a_series_that_was_refused(node: NodeIdentity, tmp_path: Path) -> None:
    headers = source_headers(3)
    note = build_note(
        "too_few_slices", "The series has 3 slices.", headers, node=node, bundle_digest="ab" * 32
    )
    written = Written.of([note], tmp_path, headers)
    assert check_set(written.paths(), None, headers) == ()


def test_words_in_another_language(node: NodeIdentity, tmp_path: Path) -> None:
    more = {"objects": frozenset({"viewer_report", "text_report"}), "language": "de"}
    assert findings(few_subregions(), source_headers(3), node, tmp_path, **more) == []


def test_a_tilted_grid(node: NodeIdentity, tmp_path: Path) -> None:
    result = analysis(Side.LEFT, tilt_deg=11.0)
    objects = frozenset({"parametric_map"})
    assert findings(result, source_headers(40), node, tmp_path, objects=objects) == []


ANSWERED = [case for case in TABLE if not {"assemble", "report"} & set(case.refused)]


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore")  # pydicom's, while the cases are written
def test_odd_headers_of_the_source(
    case: OddHeader, node: NodeIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    monkeypatch.setattr(secondary_capture, "render_knee", lambda *_: page)
    headers = tuple(read_series(written(case, tmp_path)).headers)
    objects = frozenset({"text_report", "picture"})
    assert findings(few_subregions(), headers, node, tmp_path, objects=objects) == []


@pytest.mark.filterwarnings("ignore")
def test_uids_with_leading_zeros_and_an_unknown_ratio(node: NodeIdentity, tmp_path: Path) -> None:
    headers = source_headers(3, StudyInstanceUID="1.2.03.4", LossyImageCompression="01")
    for number, header in enumerate(headers):
        header.SOPInstanceUID, header.SeriesInstanceUID = f"1.02.{number}", "1.02.5"
    objects = frozenset({"parametric_map", "viewer_report"})
    assert findings(few_subregions(), headers, node, tmp_path, objects=objects) == []


@pytest.mark.filterwarnings("error")  # a warning would quote a value
def test_no_bytes_make_the_checks_fail(left: Written, tmp_path: Path) -> None:
    """Mutants of good files, as fuzzing makes them: judged, not stumbled over."""
    chance = random.Random(7)
    kinds = ["volume", "viewer_report", "parametric_map"]
    contents = [left.files[kind][0].read_bytes() for kind in kinds]
    faulty = 0
    for _ in range(300):
        content = bytearray(chance.choice(contents))
        for _ in range(chance.choice([1, 3])):
            place = chance.randrange(128, min(len(content), 20_000))
            kind = chance.randrange(3)
            if kind == 0:
                content[place] = chance.randrange(256)
            elif kind == 1:
                del content[place : place + chance.choice([1, 2, 8])]
            else:
                content[place:place] = chance.randbytes(2)
        path = tmp_path / "mutant.dcm"
        path.write_bytes(content)
        faulty += bool(check_files([path]).findings)
    assert faulty > 200
