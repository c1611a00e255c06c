"""Teacher and students on the patches of a cohort (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.cli.app import Jobs, Precision, PrecisionName, app, console, show

if TYPE_CHECKING:
    from trainer.distillation.crossval import Role
    from trainer.distillation.settings import RegressionSettings


class _Preset(StrEnum):
    QUICK = "quick"
    PAPER = "paper"


class _Form(StrEnum):
    LIGHT = "light"
    JOINED = "joined"
    KNEE = "knee"
    NATIVE = "native"
    PAPER = "paper"
    PREPRINT = "preprint"


Patches = Annotated[Path, typer.Option(help="Folder of `ctsma-train patches`.")]
PresetOption = Annotated[
    _Preset, typer.Option(help="quick: minutes a fold on a CPU. paper: its networks and epochs, for GPUs.")
]
FormOption = Annotated[
    _Form | None,
    typer.Option(help="Networks: light, joined (with texture statistics), knee (and the knee's: ships), ..."),
]
SettingsFile = Annotated[
    Path | None, typer.Option(help="TOML file of settings (trainer/distillation/settings.py lists them).")
]
Validate = Annotated[
    bool, typer.Option("--validate", help="Answers of validation folds: to choose settings by.")
]
Final = Annotated[bool, typer.Option("--final", help="Train one network on all folds too: the one to ship.")]
Folds = Annotated[
    int | None,
    typer.Option(min=2, help="The first so many folds only: a quick look, in a folder of its own."),
]
Steps = Annotated[int | None, typer.Option(min=1, help="Of each network; the preset's without.")]
Seed = Annotated[int | None, typer.Option(help="Of weights and batches.")]


@app.command()
def teacher(
    patches: Patches = Path("build/patches"),
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the networks: build/regression/teacher, with --folds ...-N-folds."),
    ] = None,
    preset: PresetOption = _Preset.QUICK,
    form: FormOption = None,
    settings: SettingsFile = None,
    precision: Precision = PrecisionName.AUTO,
    validate: Validate = False,
    final: Final = False,
    folds: Folds = None,
    steps: Steps = None,
    seed: Seed = None,
    jobs: Jobs = 2,
) -> None:
    """Train the teachers: MR patches to the parameters measured on them, one network a fold.

    Every patch is predicted by the teacher that never saw its patient. Stopped, it goes on where it was.
    Several GPUs: torchrun --nproc-per-node GPUS -m trainer.cli teacher --preset paper
    """
    from trainer.distillation.crossval import Role
    from trainer.distillation.settings import settings_of

    def of() -> RegressionSettings:
        chosen = settings_of(
            preset, settings, form=form, seed=seed, precision=precision.value, teacher_steps=steps
        )
        return chosen.for_teacher()

    folder = out or _below_build("teacher", folds)
    _run(patches, folder, Role(is_teacher=True), of, validate, final=final, folds=folds, jobs=jobs)


@app.command()
def student(
    patches: Patches = Path("build/patches"),
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder: build/regression/student, .../cnn, .../shipped with scans; with --folds -N-folds."
        ),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Folder of its teachers: build/regression/teacher, or ...-N-folds.")
    ] = None,
    distilled: Annotated[
        bool, typer.Option("--distilled/--plain", help="plain: the same network without a teacher (CNN).")
    ] = True,
    preset: PresetOption = _Preset.QUICK,
    form: FormOption = None,
    settings: SettingsFile = None,
    precision: Precision = PrecisionName.AUTO,
    scans: Annotated[
        Path | None,
        typer.Option(help="Folder of `ctsma-train scans`: learn from these too, as what ships does."),
    ] = None,
    few: Annotated[int | None, typer.Option(min=2, help="Train on that many pairs of each fold's.")] = None,
    labelled: Annotated[
        int | None,
        typer.Option(min=2, help="Use the labels of that many pairs; the teacher alone speaks of the rest."),
    ] = None,
    label_noise: Annotated[
        float | None, typer.Option(min=0.0, help="Standard deviations added to the labels, to see it bear.")
    ] = None,
    augment: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share of CTs shown as another protocol would leave them."),
    ] = None,
    prediction: Annotated[float | None, typer.Option(min=0.0, help="Weight: the teacher's answers.")] = None,
    feature: Annotated[float | None, typer.Option(min=0.0, help="Weight: the teacher's features.")] = None,
    relation: Annotated[
        float | None,
        typer.Option(min=0.0, help="Weight: distances between patches, as the teacher has them."),
    ] = None,
    contrast: Annotated[
        float | None, typer.Option(min=0.0, help="Weight: which MR patch belongs to which CT patch.")
    ] = None,
    validate: Validate = False,
    final: Final = False,
    folds: Folds = None,
    steps: Steps = None,
    seed: Seed = None,
    jobs: Jobs = 2,
) -> None:
    """Train the students: CT patches to the parameters, taught by the teachers of the same folds.

    Every patch is predicted by the student that never saw its patient. Stopped, it goes on where it was.
    Several GPUs: torchrun --nproc-per-node GPUS -m trainer.cli student --preset paper
    """
    from trainer.distillation.crossval import Role
    from trainer.distillation.settings import NO_TEACHER, settings_of

    def of() -> RegressionSettings:
        chosen = settings_of(
            preset,
            settings,
            form=form,
            seed=seed,
            precision=precision.value,
            few=few,
            labelled=labelled,
            label_noise=label_noise,
            augment=augment,
            steps=steps,
        )
        given = {"prediction": prediction, "feature": feature, "relation": relation, "contrast": contrast}
        asked = {name: value for name, value in given.items() if value is not None}
        weights = chosen.weights.model_copy(update=asked) if distilled else NO_TEACHER
        return chosen.model_copy(update={"weights": weights})

    name = "shipped" if scans else "student" if distilled else "cnn"
    folder = out or _below_build(name, folds)
    role = Role(is_teacher=False, teacher=(teacher or _teacher_of(folds)) if distilled else None)
    _run(patches, folder, role, of, validate, final=final, folds=folds, jobs=jobs, scans=scans)


def _below_build(name: str, folds: int | None) -> Path:
    """A quick look goes beside what it is a look at."""
    return Path("build/regression") / (name if folds is None else f"{name}-{folds}-folds")


def _teacher_of(folds: int | None) -> Path:
    """Of a quick look those of the same one, where there are any."""
    quick = _below_build("teacher", folds)
    return quick if quick.is_dir() else _below_build("teacher", None)


def _run(
    patches: Path,
    out: Path,
    role: Role,
    settings: Callable[[], RegressionSettings],
    validate: bool,
    *,
    final: bool,
    folds: int | None,
    jobs: int,
    scans: Path | None = None,
) -> None:
    import os

    from ctsma_node.errors import NodeError
    from trainer.distillation.regression_stage import RegressionRequest, figures_of, run

    try:
        found = run(RegressionRequest(patches, out, role, settings(), validate, folds, final, jobs, scans))
    except (NodeError, OSError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    if os.environ.get("RANK", "0") != "0":
        return
    show(f"ICC(2,1) of {len(found)} patches, unseen patients", figures_of(found))
    console.print(f"{out}: networks and predictions; compare with: ctsma-train evaluate regression")
