"""Stages keep what they made and go on where they were stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import stage
from trainer.stage import MANIFEST, kept_items, make_items, write_manifest


def squares(seed: int) -> dict[str, Any]:
    return {"value": np.array(seed**2)}


def stopped(seed: int) -> dict[str, Any]:
    if seed == 3:
        raise KeyboardInterrupt
    return squares(seed)


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_file_for_each_seed(tmp_path: Path, jobs: int) -> None:
    paths = make_items("squares", squares, range(2, 5), tmp_path, jobs)
    assert [int(np.load(p)["value"]) for p in paths] == [4, 9, 16]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_stopped_stage_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_items("squares", stopped, range(5), tmp_path, 1)
    made = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert len(made) == 3
    paths = make_items("squares", squares, range(5), tmp_path, 1)
    assert [int(np.load(p)["value"]) for p in paths] == [0, 1, 4, 9, 16]
    assert all(p.stat().st_mtime_ns == t for p, t in made.items())


def test_the_manifest_says_what_went_in(tmp_path: Path) -> None:
    source = tmp_path / "source.npz"
    source.write_bytes(b"x")
    write_manifest(tmp_path, {"seed": 5}, [source])
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["settings"] == {"seed": 5}
    assert list(manifest["inputs"]) == ["source.npz"]
    assert manifest["versions"]["torch"]


def test_a_record_is_written_whole_or_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(tmp_path, {"seed": 5})
    before = (tmp_path / MANIFEST).read_text()
    write_text = Path.write_text

    def cut(path: Path, text: str, **how: Any) -> None:
        write_text(path, text[:9], **how)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", cut)
    with pytest.raises(OSError, match="No space left"):
        write_manifest(tmp_path, {"seed": 6})
    assert (tmp_path / MANIFEST).read_text() == before


def test_two_inputs_of_one_name_are_both_named(tmp_path: Path) -> None:
    (tmp_path / "student" / "scans").mkdir(parents=True)
    paths = [tmp_path / "student" / name for name in ("predictions.npz", "scans/predictions.npz")]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]))
    write_manifest(tmp_path, {}, paths)
    inputs = json.loads((tmp_path / MANIFEST).read_text())["inputs"]
    assert list(inputs) == ["predictions.npz", "scans/predictions.npz"]
    assert len(set(inputs.values())) == 2


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(stage, "_SILENCE", -1.0)
    with stage.progress() as bar:
        task = bar.add_task("pairs", total=3, note="")
        bar.update(task, advance=1, note="P0001-R")
        bar.advance(task)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "pairs: 1 of 3 P0001-R"
    assert lines[1].startswith("pairs: 2 of 3")


def test_a_log_is_not_filled_with_lines(capsys: Any) -> None:
    with stage.progress() as bar:
        task = bar.add_task("pairs", total=1000, note="")
        for _ in range(1000):
            bar.advance(task)
    assert sum(line.startswith("pairs:") for line in capsys.readouterr().out.splitlines()) <= 1


def test_what_a_killed_process_was_writing_is_no_item(tmp_path: Path) -> None:
    paths = make_items("squares", squares, range(3), tmp_path, 1)
    (tmp_path / "000003.4711.part.npz").write_bytes(b"cut")
    assert kept_items(tmp_path) == paths
    assert kept_items(tmp_path / "none") == []
