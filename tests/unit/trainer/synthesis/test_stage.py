"""The stage as a whole, on slices that are already made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ctsma_node.errors import SettingsError
from tests.unit.trainer.synthesis import scenes
from trainer.cli import app
from trainer.synthesis import stage
from trainer.synthesis.grid import SliceGrid
from trainer.synthesis.settings import Method
from trainer.synthesis.slices import SliceRequest
from trainer.synthesis.stage import SynthesisRequest, run
from trainer.synthesis.synthesise import Synthesiser


@pytest.fixture
def slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three pairs of folds 0, 1 and 1, and a refused one."""
    paths = [scenes.save(scenes.pair(n, fold=min(n, 1)), tmp_path / f"{n}.npz") for n in range(3)]
    refused = tmp_path / "3.npz"
    np.savez(refused, pair_id="P3-R", fold=1, code="no_knee", text="No knee was found.")
    (tmp_path / "cohort.json").write_text("{}")
    entries = tuple(scenes.entry(f"P{n}-R") for n in range(4))
    monkeypatch.setattr(stage, "read_manifest", lambda folder: SimpleNamespace(pairs=entries))
    monkeypatch.setattr(stage, "prepared", lambda request, again: [*paths, refused])
    return [*paths, refused]


def request(tmp_path: Path, **changes: Any) -> SynthesisRequest:
    wanted = SliceRequest(tmp_path, tmp_path, SliceGrid(scenes.PIXELS))
    return SynthesisRequest(wanted, scenes.settings(**changes), tmp_path / "out", tmp_path / "kept")


@pytest.mark.parametrize("edges", [False, True])
def test_a_cohort_becomes_a_synthesiser(tmp_path: Path, slices: list[Path], edges: bool) -> None:
    trained = run(request(tmp_path, edges=edges))
    assert trained.used == 2
    assert trained.refused == {"P3-R": "no_knee: No knee was found."}
    assert trained.figures["information_mr_sct_nats"] > 0.0
    out = tmp_path / "out"
    manifest = json.loads((out / "stage.json").read_text())
    assert manifest["settings"]["figures"] == trained.figures
    assert (out / "comparison.png").is_file()
    assert Synthesiser.load(out).settings.edges is edges
    again = run(request(tmp_path, edges=edges))
    assert again == trained


def test_without_a_fold_left_out_there_are_no_figures(tmp_path: Path, slices: list[Path]) -> None:
    trained = run(request(tmp_path, held_out=()))
    assert (trained.used, trained.figures) == (3, {})


def test_no_pair_to_train_on_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = scenes.save(scenes.pair(0, fold=0), tmp_path / "0.npz")
    monkeypatch.setattr(stage, "prepared", lambda request, again: [only])
    monkeypatch.setattr(stage, "read_manifest", lambda _: SimpleNamespace(pairs=(scenes.entry("P0-R"),)))
    with pytest.raises(SettingsError, match="no pair to train on"):
        run(request(tmp_path))


def test_a_fold_that_is_nobodys_cannot_be_held_out(tmp_path: Path, slices: list[Path]) -> None:
    with pytest.raises(SettingsError, match=r"no pair is of fold 7, .* the cohort has the folds 0;"):
        run(request(tmp_path, held_out=(0, 7)))
    assert not list((tmp_path / "out").glob("*"))


def test_another_cohort_or_grid_has_slices_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "read_manifest", lambda folder: SimpleNamespace(pairs=()))
    folders: list[Path] = []
    monkeypatch.setattr(stage, "make_items", lambda title, make, seeds, folder, jobs: folders.append(folder))
    one = request(tmp_path)
    for content, grid in (("{}", 32), ("{}", 32), ("[]", 32), ("{}", 64)):
        (tmp_path / "cohort.json").write_text(content)
        stage.prepared(replace(one, slices=replace(one.slices, grid=SliceGrid(grid))), again=False)
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3


def test_another_bundle_in_the_same_folder_has_slices_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle's name says nothing: `bones` of a reproduction is made again in its place."""
    (tmp_path / "cohort.json").write_text("{}")
    monkeypatch.setattr(stage, "read_manifest", lambda folder: SimpleNamespace(pairs=()))
    folders: list[Path] = []
    monkeypatch.setattr(stage, "make_items", lambda title, make, seeds, folder, jobs: folders.append(folder))
    one = request(tmp_path)
    for folder, digest in ((None, "a"), (tmp_path / "bones", "a"), (tmp_path / "bones", "b")):
        monkeypatch.setattr(stage, "read_bundle", lambda _, digest=digest: SimpleNamespace(digest=digest))
        stage.prepared(replace(one, slices=replace(one.slices, bundle=folder)), again=False)
    assert folders[0] == folders[1] != folders[2]


def test_the_command_names_what_is_missing(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["synthesis", str(tmp_path), "--cohort", str(tmp_path)])
    assert ended.exit_code == 2
    assert "ctsma-train cohort" in " ".join(ended.output.split())


def test_methods_are_compared_on_what_none_was_trained_on(tmp_path: Path, slices: list[Path]) -> None:
    run(request(tmp_path))
    other = request(tmp_path, method=Method.MUNIT)
    run(SynthesisRequest(other.slices, other.settings, tmp_path / "munit", other.kept))
    picture = tmp_path / "all.png"
    command = ["synthesis-compare", str(tmp_path / "out"), str(tmp_path / "munit")]
    ended = CliRunner().invoke(app, [*command, "--prepared", str(tmp_path), "--out", str(picture)])
    assert ended.exit_code == 0, ended.output
    assert picture.is_file()
    ended = CliRunner().invoke(app, [*command, "--prepared", str(tmp_path / "none")])
    assert ended.exit_code == 2
