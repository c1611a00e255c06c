"""What teachers say is kept beside them, and asked anew where it is stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ctsma_node.errors import SettingsError
from tests.unit.trainer.distillation.cohorts import write_cohort
from trainer.distillation.cohort_patches import CohortPatches, batch_of, read_cohort_patches
from trainer.distillation.forms import teacher_of
from trainer.distillation.kept import keep, recall
from trainer.distillation.losses import matched
from trainer.distillation.networks import Regressor
from trainer.distillation.scale import Scale
from trainer.distillation.settings import Form
from trainer.distillation.taught import taught_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> CohortPatches:
    return read_cohort_patches(write_cohort(tmp_path_factory.mktemp("patches"), pairs=2, patches=12, folds=2))


def kept_teacher(folder: Path, seed: int = 0) -> tuple[Regressor, Path]:
    torch.manual_seed(seed)
    network = teacher_of(Form.LIGHT, 4, 0.0).eval()
    save_file(network.state_dict(), folder / "fold_0.safetensors")
    return network, folder / "fold_0.safetensors"


def test_it_is_what_the_teacher_answers(patches: CohortPatches, tmp_path: Path) -> None:
    network, kept = kept_teacher(tmp_path)
    taught = taught_of(network, kept, patches, CPU)
    rows = torch.tensor([0, 5, len(patches) - 1])
    with torch.no_grad():
        asked = network(batch_of(patches, rows))
    answer = taught.answer(rows, [0, 2], CPU)
    torch.testing.assert_close(answer.mean, asked.mean)
    assert taught.channels == network.channels
    for ours, theirs in zip(answer.maps, asked.maps, strict=True):
        torch.testing.assert_close(ours, matched(theirs).flip([2, 4]), atol=5e-3, rtol=5e-3)


def test_it_is_asked_once(patches: CohortPatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, kept = kept_teacher(tmp_path)
    first = taught_of(network, kept, patches, CPU)
    monkeypatch.setattr("trainer.distillation.taught.each_pair", lambda _: pytest.fail("asked again"))
    again = taught_of(network, kept, patches, CPU)
    assert torch.equal(first.mean, again.mean)
    assert all(torch.equal(a, b) for a, b in zip(first.maps, again.maps, strict=True))


def test_it_is_asked_anew_for_another_teacher_or_other_patches(
    patches: CohortPatches, tmp_path: Path
) -> None:
    first = taught_of(*kept_teacher(tmp_path), patches, CPU)
    other = taught_of(*kept_teacher(tmp_path, seed=1), patches, CPU)
    assert not torch.allclose(first.mean, other.mean)
    path = tmp_path / "taught" / "fold_0.safetensors"
    before = path.stat().st_mtime_ns
    taught_of(*kept_teacher(tmp_path, seed=1), replace(patches, label=patches.label + 1.0), CPU)
    assert path.stat().st_mtime_ns != before


def test_what_was_broken_off_is_asked_again(patches: CohortPatches, tmp_path: Path) -> None:
    network, kept = kept_teacher(tmp_path)
    first = taught_of(network, kept, patches, CPU)
    (tmp_path / "taught" / "fold_0.safetensors").write_bytes(b"half")
    assert torch.equal(taught_of(network, kept, patches, CPU).mean, first.mean)


def test_a_teacher_answers_in_the_scale_of_its_student(patches: CohortPatches, tmp_path: Path) -> None:
    taught = taught_of(*kept_teacher(tmp_path), patches, CPU)
    theirs, ours = Scale.of(patches.label), Scale.of(patches.label[:7])
    again = taught.rescaled(theirs, ours)
    torch.testing.assert_close(ours.values(again.mean), theirs.values(taught.mean))


def test_a_network_is_kept_with_its_scale(patches: CohortPatches, tmp_path: Path) -> None:
    network, path = kept_teacher(tmp_path)
    with pytest.raises(SettingsError, match="scale"):
        recall(path, network)
    scale = Scale.of(patches.label)
    keep(path, network, scale)
    other = teacher_of(Form.LIGHT, 4, 0.0)
    assert torch.equal(recall(path, other).sd, scale.sd)
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), network.parameters(), strict=True))
