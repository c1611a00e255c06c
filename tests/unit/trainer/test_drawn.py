"""Each stage hands on whether all that it learned from was drawn; a silent record proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.trainer.distillation.cohorts import write_cohort, write_scans
from tests.unit.trainer.familiarity.planted_looks import planted_knees
from trainer.aggregation.stage import Asked, Sources
from trainer.distillation.crossval import Role
from trainer.distillation.regression_stage import RegressionRequest
from trainer.distillation.regression_stage import run as run_student
from trainer.distillation.settings import RegressionSettings
from trainer.drawn import ALL_DRAWN, all_drawn_below
from trainer.familiarity import stage as familiarity
from trainer.patches.store import STORE
from trainer.stage import MANIFEST, write_manifest

SHORT = RegressionSettings(width=4, batch=16, steps=2, teacher_steps=2, precision="single")


def folder(path: Path, drawn: bool | None) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    write_manifest(path, {} if drawn is None else {ALL_DRAWN: drawn})
    return path


def test_every_folder_must_prove_it(tmp_path: Path) -> None:
    yes, no, older = (
        folder(tmp_path / name, said) for name, said in (("a", True), ("b", False), ("c", None))
    )
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / MANIFEST).write_text("{")
    assert all_drawn_below(yes, yes)
    for other in (no, older, tmp_path / "cut", tmp_path / "none"):
        assert not all_drawn_below(yes, other)


def recorded(path: Path) -> object:
    return json.loads((path / MANIFEST).read_text())["settings"][ALL_DRAWN]


@pytest.mark.parametrize(("pairs", "scans"), [(True, True), (True, None), (None, True)])
def test_a_student_hands_it_on(tmp_path: Path, pairs: bool | None, scans: bool | None) -> None:
    cohort, more = write_cohort(tmp_path / "pairs", patches=12), write_scans(tmp_path / "scans", patches=12)
    folder(cohort, pairs)
    folder(more, scans)
    request = RegressionRequest(cohort, tmp_path / "out", Role(False), SHORT, final=False, scans=more)
    run_student(request)
    assert recorded(tmp_path / "out") is (pairs is True and scans is True)


def test_an_aggregator_is_of_the_student_and_of_its_knees(tmp_path: Path) -> None:
    yes, no = folder(tmp_path / "yes", True), folder(tmp_path / "no", False)
    assert Sources(yes, yes, yes).drawn
    assert Sources(yes, yes).drawn
    assert not Sources(no, yes).drawn
    assert not Sources(yes, no).drawn
    assert not Sources(yes, yes, no).drawn
    assert Asked(12).drawn, "whom it asks, `bundle` looks at"


@pytest.mark.parametrize("drawn", [True, False])
def test_what_is_usual_is_of_its_knees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: bool) -> None:
    monkeypatch.setattr(familiarity, "read_looks", lambda *_: planted_knees(40))
    for name, said in (("patches", drawn), ("scans", True)):
        (folder(tmp_path / name, said) / STORE).mkdir()
    familiarity.run(tmp_path / "out", [tmp_path / "patches", tmp_path / "scans"], 1)
    assert recorded(tmp_path / "out") is drawn
