"""A bundle of one's own segmenter, before there is a student: what finds bones for the stages between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from ctsma_node.analysis.bundle import read_bundle
from ctsma_node.analysis.networks import BoneSegmenter, KneeFinder
from trainer.cli import app
from trainer.segmentation.stage import FINDER, SEGMENTER
from trainer.stage import write_manifest


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "segmenter"
    folder.mkdir()
    save_file(KneeFinder(4).state_dict(), folder / FINDER)
    state = {name: each.contiguous() for name, each in BoneSegmenter(8).state_dict().items()}
    save_file(state, folder / SEGMENTER)
    write_manifest(folder, {"finder_width": 4, "segmenter_width": 8, "figures": {}})
    return tmp_path


def bundle(build: Path, out: Path) -> int:
    asked = ["bundle", "--bones-only", "--build", str(build), "--out", str(out), "--name", "bones"]
    return CliRunner().invoke(app, asked).exit_code


def test_bones_are_the_segmenters_and_the_rest_is_what_ships(build: Path) -> None:
    assert bundle(build, build / "bones") == 0
    made, shipped = read_bundle(build / "bones"), read_bundle()
    assert (made.plan.name, made.plan.segmenter_width, made.plan.finder_width) == ("bones", 8, 4)
    assert made.plan.femur_template == shipped.plan.femur_template
    for ours, theirs in zip(made.student.parameters(), shipped.student.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert shipped.digest in (build / "bones" / "MODEL_CARD.md").read_text()
    assert "default bundle" in json.loads((build / "bones" / "plan.json").read_text())["training"]


def test_without_a_segmenter_the_way_to_one_is_told(tmp_path: Path) -> None:
    assert bundle(tmp_path, tmp_path / "bones") == 2
