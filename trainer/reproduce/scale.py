"""How large a reproduction is: every size in which the quick one differs from the full one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Learner:
    """A column of Table 5 that `ctsma-train student` trains."""

    name: str
    purpose: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Synthesis:
    """A row of Table 4 that `ctsma-train synthesis` trains."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """Sizes of every stage. Options are those of the stage's command that its own defaults do not fit."""

    name: str
    subjects: int
    gigabytes: int
    """That the folder takes."""
    segmenter: tuple[str, ...] = ()
    syntheses: tuple[Synthesis, ...] = (Synthesis("spsnet", ()),)
    """The first bears witness in the registration."""
    held_out: tuple[int, ...] = (0, 1)
    """Folds that no synthesis is trained on: Table 4 is of their pairs."""
    compared: tuple[str, ...] = ("--first", "8", "--pairs", "20")
    """The registration's limits were made on the first eight pairs."""
    register: tuple[str, ...] = ()
    patches: tuple[str, ...] = ("--native",)
    ceiling: bool = True
    """Whether patches are cut through true transforms too."""
    teacher: tuple[str, ...] = ()
    learners: tuple[Learner, ...] = ()
    """The taught one, `student`, comes last."""
    scans: tuple[str, ...] = ()
    shipped: tuple[str, ...] = ()
    """Of the student that learns from scans too."""
    radiomics: tuple[str, ...] = ()
    robustness: bool = True
    """Whether the student is judged by CTs of other protocols: the patches must have them."""
    aggregator: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    judged: int = 20
    """Fields of view that the bundle is scored on."""

    caution: str = ""
    """How far its figures may be believed; "" where nothing was cut short."""

    @property
    def note(self) -> str:
        """What heads every table of a run that is smaller than the full one; "" for that."""
        return self.caution and f"{self.name}: {self.subjects} subjects, {self.caution}"


STUDENT = "student"
"""The taught learner, of the form that ships."""

FULL = Scale(
    name="full",
    subjects=80,
    gigabytes=30,
    syntheses=(
        Synthesis("spsnet", ("--method", "spsnet")),
        Synthesis("cyclegan", ("--method", "cyclegan")),
        Synthesis("munit", ("--method", "munit")),
        Synthesis("spsnet-edges", ("--method", "spsnet", "--edges")),
    ),
    learners=(
        Learner("cnn", "without a teacher: the paper's CNN", ("--plain",)),
        Learner(
            "student-l2-l1",
            "taught by the paper's two losses",
            ("--prediction", "0.5", "--feature", "0.1", "--relation", "0"),
        ),
        Learner(
            "cnn-joined",
            "with texture statistics, untaught",
            ("--plain", "--form", "joined", "--augment", "0.5"),
        ),
        Learner("native", "sees the CT at its own resolution", ("--form", "native")),
        Learner(STUDENT, "the same, taught", ("--form", "joined", "--augment", "0.5")),
    ),
    shipped=("--augment", "0.5"),
)
"""The paper's 80 knees; the sizes of benchmarks/results, which are the commands' own."""

HALF = Scale(
    name="half",
    subjects=40,
    gigabytes=12,
    caution="shorter trainings, no other protocols: wide intervals",
    segmenter=(
        *("--knees", "36", "--held-out", "6", "--steps", "500"),
        *("--fields", "48", "--finder-steps", "500"),
    ),
    syntheses=(
        Synthesis("spsnet", ("--method", "spsnet", "--steps", "800")),
        Synthesis("cyclegan", ("--method", "cyclegan", "--steps", "800")),
    ),
    compared=("--first", "8", "--pairs", "8"),
    register=("--least-overlap", "0"),
    patches=("--no-protocols",),
    ceiling=False,
    teacher=("--steps", "400"),
    learners=(
        Learner("cnn", "without a teacher: the paper's CNN", ("--plain", "--steps", "300")),
        Learner(STUDENT, "with texture statistics, taught", ("--form", "joined", "--steps", "300")),
    ),
    robustness=False,
    scans=("--scans", "40"),
    shipped=("--steps", "300"),
    aggregator=("--knees", "300", "--steps", "1000"),
    patients=("--steps", "200"),
    judged=6,
)
"""Half of the paper's knees and every table, in hours instead of a night.

As in the quick run, the synthesis says what it sees of a pair and refuses none.
"""

QUICK = Scale(
    name="quick",
    subjects=8,
    gigabytes=4,
    caution="for a look, not for figures",
    segmenter=(
        *("--knees", "16", "--held-out", "4", "--steps", "220"),
        *("--fields", "26", "--finder-steps", "500"),
    ),
    syntheses=(Synthesis("spsnet", ("--method", "spsnet", "--steps", "200")),),
    compared=("--pairs", "2"),
    register=("--least-overlap", "0"),
    patches=("--no-protocols", "--drawn", "25"),
    ceiling=False,
    teacher=("--steps", "40"),
    learners=(
        Learner("cnn", "without a teacher: the paper's CNN", ("--plain", "--steps", "60")),
        Learner(STUDENT, "the student", ("--form", "joined", "--steps", "60")),
    ),
    robustness=False,
    scans=("--scans", "16"),
    shipped=("--steps", "60"),
    aggregator=("--knees", "40", "--steps", "150"),
    patients=("--steps", "20", "--times", "200"),
    judged=3,
)
"""Every stage at a size that two cores get through in 26 minutes.

The synthesis says what it sees of a pair, and refuses none: it is trained too briefly to be believed.
"""

SCALES = {each.name: each for each in (QUICK, HALF, FULL)}
