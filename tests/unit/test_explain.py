"""`ctsma-node explain`: why each series of a study would be analysed or not, and what other rules change."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from typer.testing import CliRunner, Result

from ctsma_node.cli import app
from ctsma_node.config import Settings
from ctsma_node.ledger.cases import Cases
from ctsma_node.records import SeriesState
from tests.acceptance.stand_ins import Arrivals, settings_in
from tests.fixtures.ct_series import StackPlan, single_frames, write

SAME: dict[str, Any] = {"StudyInstanceUID": "1.2.826.0.1.7", "FrameOfReferenceUID": "1.2.826.0.1.8"}
PLAN = StackPlan(rows=8, columns=8)
Run = Callable[..., Result]


def study() -> dict[int, list[Dataset]]:
    """Bone, soft and thick series of the same knees, a localizer, and a reformat, by series number."""

    def series(number: int, plan: StackPlan = PLAN, **attributes: Any) -> list[Dataset]:
        return single_frames(plan, SeriesNumber=number, **SAME, **attributes)

    return {
        1: series(1, StackPlan(rows=8, columns=8, slices=2), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        2: series(2, ConvolutionKernel="B30s", SeriesDescription="Zebra soft"),
        3: series(3, ConvolutionKernel="B60s"),
        4: series(4, StackPlan(rows=8, columns=8, spacing=3.0), ConvolutionKernel="B60s"),
        5: series(5, ImageType=["DERIVED", "SECONDARY", "MPR"]),
    }


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "220")

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["explain", *(str(each) for each in arguments)])

    return invoke


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, datasets in study().items():
        (tmp_path / "study" / str(number)).mkdir(parents=True)
        write(datasets, tmp_path / "study" / str(number))
    return tmp_path / "study"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text('[node]\nstate_dir = "state"\n')
    return path


def codes(shown: Result) -> dict[int, str]:
    assert shown.exit_code == 0, shown.output
    return {each["series_number"]: each["code"] for each in json.loads(shown.output)}


def test_every_series_of_a_folder_has_its_verdict(run: Run, folder: Path, config: Path) -> None:
    assert codes(run(folder, "--config", config, "--json")) == {
        1: "localizer",
        2: "not_chosen",
        3: "taken",
        4: "not_chosen",
        5: "derived",
    }


def test_slices_that_share_places_are_decoded_where_nothing_else_tells(
    run: Run, tmp_path: Path, config: Path
) -> None:
    """A child's series is refused by its header; of an adult's only pixels tell copies from another phase."""
    for number, age in ((1, "012Y"), (2, "057Y")):
        slices = single_frames(PLAN, SeriesNumber=number, PatientAge=age, **SAME)
        (tmp_path / "study" / str(number)).mkdir(parents=True)
        write([*slices, *cut_short_again(slices)], tmp_path / "study" / str(number))
    shown = run(tmp_path / "study", "--config", config, "--json")
    assert codes(shown) == {1: "paediatric_age", 2: "truncated_pixels"}


def cut_short_again(slices: list[Dataset]) -> list[Dataset]:
    """The slices once more under UIDs of their own, with pixels cut short."""
    again = deepcopy(slices)
    for ds in again:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.PixelData = ds.PixelData[:10]
    return again


def test_it_is_told_in_words(run: Run, folder: Path, config: Path) -> None:
    shown = run(folder, "--config", config).output
    assert "Series 3 of the same study shows the same knees and has a kernel that suits bone better" in shown
    assert "and has thinner slices" in shown
    assert "The series holds localizers only" in shown
    assert "Zebra" not in shown


def test_changed_rules_are_tried_without_being_used(
    run: Run, folder: Path, config: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.toml"
    changed.write_text(
        '[choice]\nrules = [{ name = "soft-first", action = "prefer", description = "soft" }]\n'
        "[gate]\nallow_derived_primary = true\nmax_slice_spacing_mm = 2.0\n"
    )
    shown = run(folder, "--config", config, "--rules", changed, "--json")
    assert codes(shown)[3] == "taken"
    then = {each["series_number"]: each["with_rules"] for each in json.loads(shown.output)}
    assert {number: each["code"] for number, each in then.items()} == {
        1: "localizer",
        2: "taken",
        3: "not_chosen",
        4: "too_thick_slices",
        5: "derived",
    }
    assert then[2]["rule"] == "soft-first"
    words = run(folder, "--config", config, "--rules", changed).output
    assert words.count("changed") == 3
    assert "with --rules: Series 2 of the same study shows the same knees and is preferred by a rule" in words


def test_what_is_not_in_the_other_file_stays(run: Run, folder: Path, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + "[choice]\nbest_only = false\n")
    (tmp_path / "gate.toml").write_text("[gate]\nmax_slice_spacing_mm = 2.0\n")
    shown = run(folder, "--config", config, "--rules", tmp_path / "gate.toml", "--json")
    then = {each["series_number"]: each["with_rules"]["code"] for each in json.loads(shown.output)}
    assert then == {1: "localizer", 2: "taken", 3: "taken", 4: "too_thick_slices", 5: "derived"}


@pytest.mark.parametrize("text", ["[node]\nport = 4\n", "[choice]\nrules = 3\n"])
def test_a_file_without_rules_that_can_be_used_is_wrong_usage(
    run: Run, folder: Path, config: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    assert run(folder, "--config", config, "--rules", tmp_path / "wrong.toml").exit_code == 2


@pytest.fixture
def received(tmp_path: Path, config: Path) -> dict[int, list[Dataset]]:
    """The same study in a node's spool and ledgers; series 2 was refused."""
    settings: Settings = settings_in(tmp_path)
    arrivals, cases = Arrivals(settings), Cases(settings.ledger_path)
    arrived = study()
    for number, datasets in arrived.items():
        arrivals.bring(datasets)
        uid = str(datasets[0].SeriesInstanceUID)
        case = cases.upsert_series(uid, SAME["StudyInstanceUID"], 1000.0, len(datasets), "SCANNER")
        if number == 2:
            cases.move(case.id, SeriesState.STABLE)
            cases.move(case.id, SeriesState.REFUSED, code="not_chosen", reason="Why.")
    cases.close()
    arrivals.inbox.close()
    return arrived


@pytest.mark.parametrize("by", ["study", "series"])
def test_a_study_of_the_ledger_is_found_by_its_uid_or_that_of_a_series(
    run: Run, received: dict[int, list[Dataset]], config: Path, by: str
) -> None:
    uid = SAME["StudyInstanceUID"] if by == "study" else received[3][0].SeriesInstanceUID
    shown = run(uid, "--config", config, "--json")
    assert codes(shown) == {1: "localizer", 2: "not_chosen", 3: "taken", 4: "not_chosen", 5: "derived"}
    states = {each["series_number"]: (each["state"], each["state_code"]) for each in json.loads(shown.output)}
    assert states[2] == ("refused", "not_chosen")
    assert states[3] == ("receiving", None)
    assert "refused: not_chosen" in run(uid, "--config", config).output


def test_an_unknown_study_is_told(run: Run, config: Path) -> None:
    shown = run("1.2.3.4", "--config", config)
    assert shown.exit_code == 2
    assert "No series" in shown.output
