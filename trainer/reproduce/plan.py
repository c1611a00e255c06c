"""The steps in the order of the paper. To add a stage, add its step to the list it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer.reproduce.scale import STUDENT, Learner, Scale, Synthesis
from trainer.reproduce.step import Program, Step

SCAN_SEED = 950_000
"""Of the knee that the node analyses at the end: no stage draws from seeds like it."""


@dataclass(frozen=True)
class Places:
    """Folders below `out`, and what every stage is told alike."""

    out: Path
    jobs: int
    precision: str

    @property
    def archive(self) -> Path:
        """DICOM of the drawn cohort."""
        return self.out / "phantom" / "archive"

    def cohort(self) -> list[str]:
        """What stages that read images are told."""
        return [str(self.archive), "--cohort", str(self.out / "cohort")]

    def bones(self) -> list[str]:
        """Bones are found by the segmenter of this very run."""
        return ["--bundle", str(self.out / "bones")]

    def side_by_side(self) -> list[str]:
        """How many processes."""
        return ["--jobs", str(self.jobs)]

    def training(self) -> list[str]:
        """What stages that train networks are told."""
        return ["--precision", self.precision, *self.side_by_side()]

    def synthesis(self, name: str) -> Path:
        """Folder of a trained synthesis."""
        return self.out / "synthesis" / name

    def method(self, name: str) -> Path:
        """Folder of a method that predicts patches."""
        return self.out / "regression" / name

    def figures(self, name: str) -> Path:
        """Folder of an evaluation."""
        return self.out / "evaluation" / name


def plan(scale: Scale, out: Path, jobs: int = 2, precision: str = "auto") -> tuple[Step, ...]:
    """All steps of a reproduction into `out`."""
    at = Places(out, jobs, precision)
    steps = (*_bones(scale, at), *_cohort(scale, at), *_registration(scale, at), *_regression(scale, at))
    return (*steps, *_patients(scale, at), *_bundle(scale, at))


def _argv(*parts: str | list[str]) -> tuple[str, ...]:
    """A part that is a list stands for several arguments."""
    return tuple(word for part in parts for word in ([part] if isinstance(part, str) else part))


def _step(
    name: str, purpose: str, *parts: str | list[str], makes: Path, pictures: Path | None = None
) -> Step:
    shown = () if pictures is None else (pictures,)
    return Step(name, purpose, _argv(*parts), (makes,), pictures=shown)


def _table(name: str, purpose: str, *parts: str | list[str], table: Path, pictures: str = "*.png") -> Step:
    """An evaluation: nothing later reads it, so that the others go on where it fails."""
    shown = (table.parent / pictures,)
    return Step(name, purpose, _argv(*parts), (table,), tables=(table,), pictures=shown, needed=False)


def _bones(scale: Scale, at: Places) -> list[Step]:
    build = ["--build", str(at.out)]
    return [
        _step(
            "segmenter",
            "the finder of knees and the segmenter of bones",
            *("segmenter", build, at.training(), list(scale.segmenter)),
            makes=at.out / "segmenter" / "segmenter.safetensors",
        ),
        _step(
            "bones",
            "both as a bundle, so that the next stages find bones by them",
            *("bundle", build, "--bones-only", "--out", str(at.out / "bones"), "--name", "bones"),
            makes=at.out / "bones" / "manifest.json",
        ),
    ]


def _cohort(scale: Scale, at: Places) -> list[Step]:
    phantom = at.out / "phantom"
    return [
        Step(
            "phantom",
            "drawn knees, each scanned by MR and by CT, as a hospital's archive holds them",
            _argv("phantom", "--out", str(phantom), "--subjects", str(scale.subjects), at.side_by_side()),
            makes=(at.archive, phantom / "truth", phantom / "clinical.csv"),
        ),
        _step(
            "cohort",
            "the MR and the CT of each knee as a pair, in five folds by patient",
            *("cohort", str(at.archive), "--clinical", str(phantom / "clinical.csv"), "--keep-ids"),
            *("--out", str(at.out / "cohort"), at.side_by_side()),
            makes=at.out / "cohort" / "cohort.json",
        ),
    ]


def _registration(scale: Scale, at: Places) -> list[Step]:
    syntheses = [str(at.synthesis(each.name)) for each in scale.syntheses]
    registered = at.out / "registration"
    return [
        *(_synthesis(each, scale, at) for each in scale.syntheses),
        _step(
            "register",
            "the MR of each pair laid over its CT, bone by bone; the synthesis bears witness",
            *("register", at.cohort(), at.bones(), "--synthesis", syntheses[0], "--out", str(registered)),
            *(list(scale.register), "--dask", "none", at.side_by_side()),
            makes=registered / "registration.csv",
            pictures=registered / "pictures" / "*.png",
        ),
        _table(
            "table-4",
            "Table 4: how far registration is off, on pairs that no synthesis was trained on",
            *("evaluate", "registration", at.cohort(), "--truth", str(at.out / "phantom" / "truth")),
            *(at.bones(), [part for each in syntheses for part in ("--synthesis", each)]),
            *(list(scale.compared), "--out", str(at.figures("registration")), at.side_by_side()),
            table=at.figures("registration") / "table4.txt",
            pictures="pictures/*.png",
        ),
    ]


def _synthesis(synthesis: Synthesis, scale: Scale, at: Places) -> Step:
    out = at.synthesis(synthesis.name)
    return _step(
        synthesis.name,
        "a network that turns MRs into CTs",
        *("synthesis", at.cohort(), at.bones(), list(synthesis.options)),
        [part for fold in scale.held_out for part in ("--held-out", str(fold))],
        *("--slices", str(at.out / "synthesis" / "slices"), "--out", str(out), at.training()),
        makes=out / "stage.json",
        pictures=out / "comparison.png",
    )


def _patches(scale: Scale, at: Places) -> list[Step]:
    """Those to learn from, and those that say how good their labels are."""
    wanted = ["patches", *at.cohort(), *at.bones()]
    patches, true = at.out / "patches", at.out / "patches-true"
    through = ["--transforms", str(at.out / "registration")]
    steps = [
        _step(
            "patches",
            "patches of CT and MR at 200 places of each knee, and the trabeculae measured on the MR",
            *(wanted, through, "--out", str(patches), list(scale.patches), at.side_by_side()),
            makes=patches / "patches.zarr",
        )
    ]
    if scale.ceiling:
        through = ["--transforms", str(at.out / "phantom" / "truth"), "--no-protocols"]
        ceiling = "the same through true transforms: what registration costs"
        made = true / "patches.zarr"
        steps.append(
            _step("patches-true", ceiling, wanted, through, "--out", str(true), at.side_by_side(), makes=made)
        )
    return steps


def _regression(scale: Scale, at: Places) -> list[Step]:
    patches = ["--patches", str(at.out / "patches")]
    radiomics, teacher = at.method("radiomics"), at.method("teacher")
    return [
        *_patches(scale, at),
        _step(
            "teacher",
            "networks that read trabeculae from MR, one a fold",
            *("teacher", patches, "--out", str(teacher), "--final", list(scale.teacher), at.training()),
            makes=teacher / "predictions.npz",
        ),
        *(_learner(each, at) for each in scale.learners),
        _step(
            "radiomics",
            "the baseline: features of the CT and a regressor",
            *("radiomics", patches, "--out", str(radiomics), list(scale.radiomics), at.side_by_side()),
            makes=radiomics / "predictions.npz",
        ),
        *_regression_tables(scale, at, patches),
        *_shipped(scale, at, patches),
    ]


def _shipped(scale: Scale, at: Places, patches: list[str]) -> list[Step]:
    """The student that goes into the bundle: it has seen more people and scanners than the pairs show."""
    scans, out = at.out / "scans", at.method("shipped")
    learnt = ["--teacher", str(at.method("teacher")), "--scans", str(scans), "--form", "knee", "--final"]
    return [
        _step(
            "scans",
            "CTs of other people by many scanners, without MR",
            *("scans", "--out", str(scans), at.bones(), list(scale.scans), at.side_by_side()),
            makes=scans / "patches.zarr",
        ),
        _step(
            "shipped",
            "the student that ships: it learns from these scans, too",
            *("student", patches, learnt, "--out", str(out), list(scale.shipped), at.training()),
            makes=out / "student.json",
        ),
    ]


def _learner(learner: Learner, at: Places) -> Step:
    out = at.method(learner.name)
    return _step(
        learner.name,
        f"networks that read them from CT: {learner.purpose}",
        *("student", "--patches", str(at.out / "patches"), "--teacher", str(at.method("teacher"))),
        *("--out", str(out), list(learner.options), at.training()),
        makes=out / "predictions.npz",
    )


def _regression_tables(scale: Scale, at: Places, patches: list[str]) -> list[Step]:
    names = ("radiomics", *(each.name for each in scale.learners), "teacher")
    methods = [str(at.method(name)) for name in names]
    truth = ["--truth", str(at.out / "patches-true")] if scale.ceiling else []
    student, robust = str(at.method(STUDENT)), at.figures("robustness")
    shifted, table5 = at.figures("misalignment"), at.figures("regression")
    steps = [
        _table(
            "table-5",
            "Table 5: how well each method reads trabeculae of patients it has not seen",
            *("evaluate", "regression", methods, patches, truth, "--out", str(table5)),
            table=table5 / "table5.txt",
        ),
        _table(
            "misalignment",
            "Supplement B.1: the same where the MR is read beside the patch",
            *("evaluate", "misalignment", methods, patches, "--out", str(shifted)),
            table=shifted / "misalignment.txt",
        ),
    ]
    if scale.robustness:
        purpose = "the student by dose, kernel, slices and field of view"
        argv = ("evaluate", "robustness", student, "--out", str(robust))
        steps.append(_table("robustness", purpose, *argv, table=robust / "robustness.txt"))
    return steps


def _patients(scale: Scale, at: Places) -> list[Step]:
    patches, out = ["--patches", str(at.out / "patches")], at.figures("patients")
    drawn = at.out / "aggregator"
    names = ("radiomics", "cnn", "teacher", STUDENT)
    return [
        _step(
            "aggregator",
            "the network that stages a knee by its 200 subregions; drawn knees help to train it",
            *("aggregator", "--build", str(at.out), patches, at.bones()),
            *(list(scale.aggregator), at.side_by_side()),
            makes=drawn / "aggregator.safetensors",
        ),
        _table(
            "tables-6-7",
            "Tables 6 and 7: how well patients are staged",
            *("evaluate", "patients", [str(at.method(name)) for name in names], patches),
            *("--drawn", str(drawn), "--out", str(out), list(scale.patients), at.side_by_side()),
            table=out / "tables67.txt",
        ),
    ]


def _bundle(scale: Scale, at: Places) -> list[Step]:
    bundle, scan, results = at.out / "bundle", at.out / "scan", at.out / "results"
    figures = at.figures("bundle") / "bundle.json"
    return [
        _step(
            "familiarity",
            "what is usual in the knees that were learned from, so that the node marks or refuses others",
            *("familiarity", "--build", str(at.out), at.side_by_side()),
            makes=at.out / "familiarity" / "familiarity.json",
        ),
        _step(
            "bundle",
            "what the node needs, in one folder",
            *("bundle", "--build", str(at.out), "--out", str(bundle), "--name", f"reproduced-{scale.name}"),
            makes=bundle / "manifest.json",
        ),
        _table(
            "bundle-scores",
            "the bundle on drawn knees of every orientation and resolution",
            *("evaluate", "bundle", "--bundle", str(bundle), "--knees", str(scale.judged)),
            *("--out", str(figures)),
            table=figures.with_suffix(".txt"),
        ),
        _step(
            "scan",
            "a knee CT that nothing has seen",
            *("scan", "--out", str(scan), "--first-seed", str(SCAN_SEED)),
            makes=scan / f"{SCAN_SEED:06d}" / "dicom",
        ),
        Step(
            "node",
            "the node loads the bundle and analyses that CT",
            ("analyse", str(scan / f"{SCAN_SEED:06d}" / "dicom"), "--out", str(results)),
            makes=(results / "measurements.csv",),
            pictures=(results / "picture.png",),
            program=Program.NODE,
            environment=(("CTSMA_ANALYSIS__BUNDLE", str(bundle.absolute())),),
        ),
    ]
