"""Cross-validation by patient: every patch predicted by a network that never saw its patient.

Folds are made one after another and kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor

from ctsma_node.errors import SettingsError
from trainer.distillation.cohort_patches import CohortPatches, chosen
from trainer.distillation.fit import Say, Task, fit, predict, target_of
from trainer.distillation.forms import student_of, teacher_of
from trainer.distillation.intervals import Spread, Values
from trainer.distillation.kept import keep, recall
from trainer.distillation.networks import Regressor
from trainer.distillation.scale import Scale
from trainer.distillation.settings import RegressionSettings
from trainer.distillation.taught import Taught, taught_of
from trainer.evaluation.regression.predictions import Predictions

EVERY = "all"
"""Name of the network that is trained on all folds: the one to ship."""


@dataclass(frozen=True)
class Role:
    """What is trained: a teacher, or a student with the folder of its teacher, or without (the plain CNN)."""

    is_teacher: bool
    teacher: Path | None = None

    def build(self, settings: RegressionSettings) -> Regressor:
        """A new network."""
        torch.manual_seed(settings.seed)
        make = teacher_of if self.is_teacher else student_of
        return make(settings.form, settings.width, settings.dropout)


@dataclass(frozen=True, eq=False)
class Fold:
    """One network's folds: trained on `train`, asked for `test` (none for EVERY)."""

    name: str
    train: tuple[int, ...]
    test: tuple[int, ...]


def folds_of(patches: CohortPatches, validate: bool) -> list[Fold]:
    """One fold a network.

    With `validate` the fold after each is what is asked for, and the fold itself stays unseen: choices that
    are made on these answers have not seen the test patients.
    """
    names = sorted({int(fold) for fold in patches.fold.unique()})
    if len(names) < 2 + validate:
        raise SettingsError(f"{len(names)} folds of patients: cross-validation takes {2 + validate} at least")
    out = []
    for n, name in enumerate(names):
        asked = names[(n + 1) % len(names)] if validate else name
        out.append(Fold(f"fold_{name}", tuple(f for f in names if f not in (name, asked)), (asked,)))
    return out


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """A role's networks over the folds, kept in `folder`."""

    fabric: Fabric
    patches: CohortPatches
    role: Role
    settings: RegressionSettings
    folder: Path

    def run(
        self, folds: list[Fold], say: Callable[[str], Say], protocol: int = -1, *, scans: bool = False
    ) -> tuple[Predictions, Spread]:
        """Train what is missing; the answers to every fold that was asked for, and what they are made of.

        `say(fold)` gives what is told of that fold's training. `protocol` is the number of the other
        protocol whose CTs are asked about, -1 for the CTs as scanned. The answers are about the patches of
        pairs, or about those of the scans without MR.
        """
        answers = [self._answers(fold, say(fold.name), protocol, scans) for fold in folds]
        rows = torch.cat([rows for rows, *_ in answers])
        order = rows.argsort()
        mean, sd = (torch.cat([answer[n] for answer in answers])[order] for n in (1, 2))
        scales = torch.cat([answer[3] for answer in answers])[order]
        return self._predictions(rows[order], mean, sd, scales)

    def train_on_all(self, say: Say) -> tuple[Regressor, Scale]:
        """The network to ship."""
        names = tuple(sorted({int(fold) for fold in self.patches.fold.unique()}))
        return self._network(Fold(EVERY, names, ()), say)

    def _answers(
        self, fold: Fold, say: Say, protocol: int, scans: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows, standardised means and deviations, and the scale (n, 2, 4) that they are in."""
        network, scale = self._network(fold, say)
        rows = chosen(self.patches, fold.test)
        rows = rows[(rows >= self.patches.paired) == scans]
        mean, sd = predict(network, self.patches, rows, self.fabric.device, protocol)
        return rows, mean, sd, torch.stack([scale.mean, scale.sd]).expand(len(rows), 2, 4)

    def _network(self, fold: Fold, say: Say) -> tuple[Regressor, Scale]:
        network = self.role.build(self.settings).to(self.fabric.device)
        kept = self.folder / f"{fold.name}.safetensors"
        if kept.exists():
            scale = recall(kept, network)
            return network.eval(), scale
        task, scale = self._task(network, fold)
        fit(self.fabric, task, kept.with_suffix(".ckpt"), say)
        if self.fabric.is_global_zero:
            keep(kept, network, scale)
        self.fabric.barrier()
        return network.eval(), scale

    def _task(self, network: Regressor, fold: Fold) -> tuple[Task, Scale]:
        """What a fold's network is trained on. Without a teacher a patch that has no label says nothing."""
        settings, patches = self.settings, self.patches
        rows = chosen(patches, fold.train, settings.few, settings.seed)
        labelled = chosen(patches, fold.train, settings.few_labels(), settings.seed)
        scale = Scale.of(patches.label[labelled])
        taught = self._taught(fold, scale)
        if taught is None:
            rows = labelled
        target = target_of(patches, rows, scale, settings.label_noise, settings.seed)
        target[~torch.isin(rows, labelled)] = torch.nan
        return Task(network, patches, rows, target, settings, taught), scale

    def _taught(self, fold: Fold, scale: Scale) -> Taught | None:
        """By the teacher of the same fold: the fold's patients are as unseen by it as by the student."""
        if self.role.teacher is None:
            return None
        path = self.role.teacher / f"{fold.name}.safetensors"
        if not path.exists():
            option = " --final" if fold.name == EVERY else ""
            raise SettingsError(f"{path} is missing: train it first with: ctsma-train teacher{option}")
        network = Role(is_teacher=True).build(self.settings)
        theirs = recall(path, network)
        network = network.to(self.fabric.device).eval()
        taught = taught_of(network, path, self.patches.of_pairs(), self.fabric.device)
        return taught.rescaled(theirs, scale)

    def _predictions(
        self, rows: Tensor, mean: Tensor, sd: Tensor, scales: Tensor
    ) -> tuple[Predictions, Spread]:
        p = self.patches
        fold = p.fold[rows].numpy()
        target = (p.label[rows].clamp(min=1e-3).log() - scales[:, 0]) / scales[:, 1]
        spread = Spread(mean.numpy(), sd.numpy(), target.numpy())
        low, high = spread.bounds(fold)
        found = Predictions(
            estimate=_values(mean.numpy(), scales),
            label=p.label[rows].numpy(),
            pair=np.array(p.pairs)[p.pair[rows].numpy()],
            fold=fold,
            bone=p.bone[rows].numpy(),
            subregion=p.subregion[rows].numpy(),
            row=p.row[rows].numpy(),
            low=_values(low, scales),
            high=_values(high, scales),
        )
        return found, spread


def _values(standardised: Values, scales: Tensor) -> npt.NDArray[np.float32]:
    """In the parameters' units; `scales` (n, 2, 4) are means and deviations of the logs."""
    mean, sd = scales[:, 0].numpy(), scales[:, 1].numpy()
    return np.asarray(np.exp(standardised * sd + mean), dtype=np.float32)
