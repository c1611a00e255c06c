"""Outlines of bones, and a network that finds them whatever is bright and what is dark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ctsma_node.errors import SettingsError
from tests.unit.trainer.synthesis.scenes import PIXELS, drawn_labels, pair, settings
from trainer.synthesis.edge_training import (
    balanced,
    contrasted,
    edge_batch,
    kept_edges,
    outlines,
    train_edges,
)
from trainer.synthesis.edges import EdgeNetwork
from trainer.synthesis.systems import build


def test_outlines_are_where_a_bone_meets_what_is_not_that_bone() -> None:
    labels = np.zeros((7, 9), dtype=np.uint8)
    labels[1:4, 1:8], labels[4:6, 1:8] = 1, 2  # two bones that touch
    found = outlines(labels)
    assert found[3, 1:8].all()
    assert found[4, 1:8].all()
    assert not found[2, 2:7].any()
    assert not found[labels == 0].any()


def test_contrast_is_drawn_and_the_places_stay() -> None:
    image = pair().ct[2].astype(np.float32)
    changed = [contrasted(image, np.random.default_rng(n)) for n in range(40)]
    bone, soft = image > 0.2, (image < -0.5) & (image > -0.7)
    brighter = [each[bone].mean() > each[soft].mean() for each in changed]
    assert 0.2 < np.mean(brighter) < 0.8


def test_the_network_learns_outlines_that_it_finds_in_mr_as_well() -> None:
    """It has only seen CTs."""
    losses: list[float] = []
    network = train_edges([pair(n) for n in range(3)], 120, seed=1, advance=losses.append)
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    unseen = pair(9)
    wanted = outlines(unseen.labels[2])
    with torch.no_grad():
        found = network.channel(torch.from_numpy(unseen.mr[None, 1:4].astype(np.float32)))[0, 0].numpy()
    inner = np.zeros_like(wanted)
    inner[6:-6, 6:-6] = True  # the body's own outline is not a bone's, and not asked for
    assert found[wanted].mean() > found[~wanted & inner].mean() + 0.4


def test_a_batch_moves_image_and_outlines_alike() -> None:
    images, wanted = edge_batch([pair()], np.random.default_rng(0))
    assert images.shape == wanted.shape == (8, 1, PIXELS, PIXELS)
    assert set(wanted.unique().tolist()) == {0.0, 1.0}
    assert 20 < float(wanted.sum(dim=(1, 2, 3)).median()) < 3 * outlines(drawn_labels([0, 0])[0]).sum()


def test_outlines_weigh_as_much_as_all_the_rest() -> None:
    wanted = torch.zeros(1, 1, 10, 10)
    wanted[..., 0, 0] = 1.0
    missed, invented = torch.full_like(wanted, -9.0), torch.full_like(wanted, 9.0)
    assert abs(float(balanced(missed, wanted)) - float(balanced(invented, wanted))) < 0.01


def test_any_size_has_a_channel_and_the_channel_is_not_trained() -> None:
    assert EdgeNetwork().channel(torch.zeros(1, 3, 20, 36)).shape == (1, 1, 20, 36)
    translators, _ = build(settings(edges=True), EdgeNetwork())
    trained = {name.split(".")[0] for name, p in translators.named_parameters() if p.requires_grad}
    assert trained == {"to_ct", "to_mr"}


def test_kept_edges_are_those_of_these_pairs_and_settings(tmp_path: Path) -> None:
    chosen, path = settings(edges=True), tmp_path / "edges.safetensors"
    kept_edges([pair(0)], chosen, path)
    before = path.read_bytes()
    kept_edges([pair(0)], chosen, path)
    assert path.read_bytes() == before
    for pairs, other in (([pair(1)], chosen), ([pair(0)], replace(chosen, seed=7))):
        with pytest.raises(SettingsError, match="other pairs"):
            kept_edges(pairs, other, path)
    save_file(load_file(path), path)  # as it was kept when it said nothing of them
    with pytest.raises(SettingsError, match="other pairs"):
        kept_edges([pair(0)], chosen, path)
