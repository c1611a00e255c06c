"""A trained system at work: slices overlap, frames stay, and what is saved is what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ctsma_node.analysis.grid import AIR
from ctsma_node.errors import SettingsError
from ctsma_node.volume import apply
from tests.unit.trainer.synthesis.scenes import pair, settings
from trainer.mr import MRVolume
from trainer.synthesis.figures import distribution, figures_of, information
from trainer.synthesis.pictures import comparison
from trainer.synthesis.settings import Method
from trainer.synthesis.synthesise import SETTINGS, Synthesiser
from trainer.synthesis.systems import build
from trainer.synthesis.translators import Translators


def synthesiser(method: Method = Method.CYCLEGAN, **changes: object) -> Synthesiser:
    torch.manual_seed(1)
    chosen = settings(method, **changes)
    return Synthesiser(build(chosen)[0].eval(), chosen, torch.device("cpu"))


def with_translation(translate: object) -> Synthesiser:
    made = synthesiser()
    made.translators.translate = translate  # type: ignore[method-assign, assignment]
    return made


@pytest.mark.parametrize("slices", [1, 2, 7, 20])
def test_what_changes_nothing_gives_the_volume_back(slices: int) -> None:
    volume = np.random.default_rng(0).uniform(-1, 1, (slices, 8, 8)).astype(np.float32)
    assert with_translation(lambda stack: stack).scaled(volume) == pytest.approx(volume, abs=1e-6)


def test_a_slice_is_the_mean_of_the_stacks_it_is_in() -> None:
    """A translator that gives 0, 3 and 6 to the places in a stack."""

    def by_place(stack: Tensor) -> Tensor:
        return torch.tensor([0.0, 3.0, 6.0])[None, :, None, None].expand_as(stack)

    made = with_translation(by_place).scaled(np.zeros((12, 8, 8), dtype=np.float32))[:, 0, 0]
    assert made == pytest.approx([1.5, *[3.0] * 10, 4.5])


@pytest.mark.parametrize(
    ("method", "edges"), [(Method.SPSNET, True), (Method.CYCLEGAN, False), (Method.MUNIT, False)]
)
def test_what_is_saved_is_what_is_read(method: Method, edges: bool, tmp_path: Path) -> None:
    made = synthesiser(method, edges=edges)
    made.save(tmp_path)
    read = Synthesiser.load(tmp_path)
    assert read.settings == made.settings
    mr = pair().mr.astype(np.float32)
    assert np.array_equal(read.scaled(mr), made.scaled(mr))
    assert isinstance(read.translators, Translators)


def test_a_folder_without_one_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make it with: ctsma-train synthesis"):
        Synthesiser.load(tmp_path)
    (tmp_path / SETTINGS).write_text('{"method": "pix2pix"}')
    with pytest.raises(SettingsError, match="no trained synthesis"):
        Synthesiser.load(tmp_path)


def test_a_volume_lies_in_the_frame_of_the_ct() -> None:
    """A bright ball in the MR is at its place of the CT; where there is no MR there is air."""
    made = with_translation(lambda stack: stack)
    centre, ct_to_mr = np.array([30.0, -5.0, 12.0]), np.eye(4)
    ct_to_mr[:3, 3] = [100.0, 0.0, -40.0]
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = apply(ct_to_mr, centre) - 49.0
    k, j, i = np.indices((50, 50, 50))
    at = centre + np.array([8.0, -14.0, 20.0])
    lps = apply(affine, np.stack([i, j, k], axis=-1)) - apply(ct_to_mr, at)
    signal = np.where(np.linalg.norm(lps, axis=-1) < 12.0, 900.0, 100.0).astype(np.float32)
    sct = made.volume(MRVolume(signal, affine), ct_to_mr, centre)
    bright = np.argwhere(sct.hu > 500.0)
    assert sct.to_lps(bright[:, ::-1]).mean(axis=0) == pytest.approx(at, abs=0.5)
    assert sct.hu[0, 0, 0] == AIR


def test_figures_tell_a_copy_from_noise() -> None:
    one = pair()
    mr, ct = one.mr.astype(np.float32), one.ct.astype(np.float32)
    noise = np.random.default_rng(0).permuted(ct.ravel()).reshape(ct.shape)
    assert information(one, mr) > information(one, ct) > information(one, noise) + 0.2
    assert distribution(one, ct) < 1.0 < distribution(one, mr)
    assert set(figures_of([one], synthesiser())) == {
        "information_mr_sct_nats",
        "distance_of_hu_distributions",
    }
    assert figures_of([], synthesiser()) == {}


def test_the_picture_has_a_column_for_each_method(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "two.png"
    comparison([pair(0), pair(1)], {"cyclegan": synthesiser()}, one)
    comparison([pair(0), pair(1)], {"a": synthesiser(), "b": synthesiser(Method.MUNIT)}, other)
    widths = [int.from_bytes(path.read_bytes()[16:20], "big") for path in (one, other)]
    assert widths[1] * 3 == widths[0] * 4
