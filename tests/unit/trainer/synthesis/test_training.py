"""Training lowers the losses, and goes on exactly where it was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from ctsma_node.errors import SettingsError
from tests.unit.trainer.synthesis.scenes import pair, settings
from trainer.cli.app import PrecisionName
from trainer.synthesis.batches import Batches, Pair
from trainer.synthesis.checkpoint import CHECKPOINT
from trainer.synthesis.cycle import seen_pixels
from trainer.synthesis.grid import NOTHING
from trainer.synthesis.loop import LOG, train
from trainer.synthesis.pool import ImagePool
from trainer.synthesis.settings import Method, SynthesisSettings
from trainer.synthesis.training import DivergedError, Training, checked, paired_weight, rate_at


def training(
    chosen: SynthesisSettings,
    precision: Literal["32-true", "bf16-mixed"] = "32-true",
    pairs: Sequence[Pair] = (pair(0, fold=1), pair(1, fold=1)),
) -> Training:
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    fabric.launch()
    return Training(fabric, chosen, Batches(list(pairs), chosen.batch, chosen.seed))


def weights(of: Training) -> dict[str, torch.Tensor]:
    both = {"translators": of.plain_translators, "critics": of.critics.module}
    return {f"{name}.{k}": v.clone() for name, module in both.items() for k, v in module.state_dict().items()}


@pytest.mark.parametrize("method", list(Method))
def test_a_few_steps_lower_what_the_translators_lower(method: Method) -> None:
    run = training(settings(method, steps=40, rate=2e-3, width=6))
    losses = [run.step(n) for n in range(40)]
    returned = "image" if method is Method.MUNIT else "cycle"
    first, last = (np.mean([float(each[returned]) for each in part]) for part in (losses[:5], losses[-5:]))
    assert last < 0.7 * first


def test_the_information_grows_where_it_is_asked_for() -> None:
    run = training(settings(Method.SPSNET, steps=60, rate=2e-3, width=6))
    losses = [float(run.step(n)["information"]) for n in range(60)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.2


@pytest.mark.parametrize("method", list(Method))
def test_resuming_gives_the_weights_of_an_uninterrupted_run(method: Method, tmp_path: Path) -> None:
    chosen = settings(method)
    whole, stopped, resumed = (training(chosen) for _ in range(3))
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    train(whole, tmp_path / "whole", [pair(7)])
    train(stopped, tmp_path / "parts", [pair(7)], until=5)
    train(resumed, tmp_path / "parts", [pair(7)])
    expected, found = weights(whole), weights(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert any(not torch.equal(expected[name], value) for name, value in weights(stopped).items())
    one, other = (curve(tmp_path / name / LOG) for name in ("whole", "parts"))
    assert one == {step: other[step] for step in one}
    assert list(one) == [0, 1, 3, 5, 7]


def curve(folder: Path) -> dict[int, float]:
    """The total loss by step; the sample pictures are there too."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    assert {each.step for each in events.Images("crMR, sCT, CT")} >= {1, 3, 5, 7}
    return {each.step: each.value for each in events.Scalars("loss/total")}


@pytest.mark.parametrize("method", list(Method))
def test_mixed_precision_gives_nearly_the_same_losses_in_single_precision(method: Method) -> None:
    whole, mixed = training(settings(method)).step(0), training(settings(method), "bf16-mixed").step(0)
    assert {each.dtype for each in mixed.values()} == {torch.float32}
    for name, value in whole.items():
        assert float(mixed[name]) == pytest.approx(float(value), rel=0.05, abs=0.05)


def test_a_finished_training_is_left_as_it_is(tmp_path: Path) -> None:
    first, again = (training(settings()) for _ in range(2))
    train(first, tmp_path, [])
    before = (tmp_path / "checkpoint.ckpt").read_bytes()
    train(again, tmp_path, [])
    assert (tmp_path / "checkpoint.ckpt").read_bytes() == before
    assert all(torch.equal(weights(first)[k], v) for k, v in weights(again).items())


def test_a_training_that_a_command_line_chose_for_goes_on(tmp_path: Path) -> None:
    """Its choices are members of enumerations, and no checkpoint may hold a class."""
    chosen = settings(precision=PrecisionName.SINGLE)
    train(training(chosen), tmp_path, [], until=1)
    train(training(replace(chosen, precision="single")), tmp_path, [], until=2)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 2


def test_a_checkpoint_that_holds_a_class_is_an_error(tmp_path: Path) -> None:
    train(training(settings()), tmp_path, [], until=1)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    torch.save(state | {"settings": {"precision": PrecisionName.SINGLE}}, tmp_path / CHECKPOINT)
    with pytest.raises(SettingsError, match="cannot be read"):
        train(training(settings()), tmp_path, [])


def test_a_checkpoint_of_other_settings_is_an_error_that_names_them(tmp_path: Path) -> None:
    train(training(settings()), tmp_path, [], until=1)
    with pytest.raises(SettingsError, match=r"other settings \(rate, seed\)"):
        train(training(settings(seed=2, rate=1e-3)), tmp_path, [])


def test_a_checkpoint_of_other_pairs_is_an_error_even_of_a_finished_training(tmp_path: Path) -> None:
    """Folds were dealt anew: what was trained on would be held out, and its figures those of seen knees."""
    train(training(settings()), tmp_path, [])
    with pytest.raises(SettingsError, match="other pairs"):
        train(training(settings(), pairs=[pair(2, fold=1)]), tmp_path, [])


def test_a_checkpoint_of_other_slices_is_an_error(tmp_path: Path) -> None:
    train(training(settings()), tmp_path, [], until=1)
    moved = [replace(each, mr=np.roll(each.mr, 1, axis=2)) for each in (pair(0), pair(1))]
    with pytest.raises(SettingsError, match="other slices"):
        train(training(settings(), pairs=moved), tmp_path, [])


def test_a_checkpoint_that_does_not_say_what_it_has_seen_is_an_error(tmp_path: Path) -> None:
    train(training(settings()), tmp_path, [], until=1)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del state["pairs"], state["slices"]
    torch.save(state, tmp_path / CHECKPOINT)
    with pytest.raises(SettingsError, match="does not say"):
        train(training(settings()), tmp_path, [])


def test_losses_that_are_no_numbers_stop_the_training() -> None:
    with pytest.raises(DivergedError, match="step 12 \\(cycle is not finite\\)"):
        checked({"cycle": torch.tensor(float("nan")), "total": torch.tensor(1.0)}, 12)


def test_the_rate_falls_over_the_second_half() -> None:
    chosen = settings(steps=100, rate=2e-4)
    assert [rate_at(step, chosen) for step in (0, 50, 75)] == pytest.approx([2e-4, 2e-4, 1e-4])
    assert 0.0 < rate_at(99, chosen) < 1e-5


def test_critics_are_trained_and_the_translators_step_leaves_them_alone() -> None:
    run = training(settings())
    critics = run.critics.module
    before = {k: v.clone() for k, v in critics.state_dict().items()}
    mr, ct = run.batches.draw(0)
    _, images = run._train_translators(mr, ct, run._noise(0, 2), 0)
    assert all(torch.equal(before[k], v) for k, v in critics.state_dict().items())
    assert all(p.requires_grad for p in critics.parameters())
    run._train_critics(images, 0)
    assert any(not torch.equal(before[k], v) for k, v in critics.state_dict().items())


def test_a_pool_shows_earlier_images_once_it_is_full() -> None:
    pool, rng = ImagePool(4), np.random.default_rng(0)
    shown = [pool.exchange(torch.full((2, 1, 1, 1), float(n)), rng) for n in range(40)]
    assert all(float(each.min()) == n for n, each in enumerate(shown[:2]))
    earlier = [float(each.min()) < n for n, each in enumerate(shown[2:], start=2)]
    assert 0.5 < np.mean(earlier) < 0.95
    assert pool.images is not None
    assert len(pool.images) == 4


def test_the_pairs_help_at_the_start_only() -> None:
    short = replace(settings(), paired_steps=10)
    weights = [paired_weight(step, short) for step in (0, 5, 10, 1000)]
    assert weights == [short.weights.paired, short.weights.paired / 2.0, 0.0, 0.0]
    assert paired_weight(0, settings()) == 0.0
    assert "paired" in training(short).step(0)
    assert "paired" not in training(short).step(10)


def test_information_is_measured_where_something_is_seen() -> None:
    ct = torch.full((2, 3, 8, 8), NOTHING)
    mr = ct.clone()
    ct[0, :, 2:4, 5:7] = 0.3
    mr[1, 1, 7, 7] = 0.1
    at = seen_pixels(mr, ct, torch.rand(2, 200))
    assert set(at[0].tolist()) == {21, 22, 29, 30}
    assert set(at[1].tolist()) == {63}
