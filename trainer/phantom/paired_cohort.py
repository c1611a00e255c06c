"""A cohort of pairs on disk, in the paper's proportions; goes on where it was stopped."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ctsma_node.analysis.result import CartilageRegion
from trainer.phantom.difficulty import DIFFICULTIES
from trainer.phantom.pair import write_pair
from trainer.phantom.person import Person, draw_people
from trainer.phantom.subject import Subject, draw_subject, knee_of, subject_seed
from trainer.stage import MANIFEST, manifest, side_by_side, write_whole

ARCHIVE, TRUTH, CLINICAL = "archive", "truth", "clinical.csv"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class PhantomSettings:
    """What decides every byte of a cohort."""

    subjects: int = 80
    seed: int = 1
    difficulty: str = "standard"


def draw_cohort(settings: PhantomSettings) -> list[Person]:
    """The people of a cohort."""
    return draw_people(settings.subjects, settings.seed)


def subject_of(person: Person, settings: PhantomSettings, visit: int = 0) -> Subject:
    """One of a cohort's subjects, drawn again."""
    seed = subject_seed(settings.seed, person.number)
    return draw_subject(person, seed, DIFFICULTIES[settings.difficulty], visit)


def write_cohort(out: Path, settings: PhantomSettings, jobs: int = 1) -> Iterator[str]:
    """Write what is missing of a cohort; yields each subject's Patient ID as it is there.

    `out`/archive/ID is the archive, `out`/truth/ID what is known, `out`/clinical.csv grades and scores. A
    subject's folders appear whole or not at all. Raises ValueError where `out` holds a cohort of other
    settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    people = draw_cohort(settings)
    _write_settings(out, settings)
    _write_clinical(out / CLINICAL, people, settings)
    missing = []
    for person in people:
        if (out / ARCHIVE / person.patient_id).is_dir():
            yield person.patient_id
        else:
            missing.append(person)
    make = partial(_write_one, out=out, settings=settings)
    yield from side_by_side(make, missing, jobs, _one_numba_thread)
    shutil.rmtree(out / UNFINISHED, ignore_errors=True)


def _write_one(person: Person, out: Path, settings: PhantomSettings) -> str:
    """The truth is moved into place first: where the archive has a subject, all of it is there."""
    name = person.patient_id
    unfinished = out / UNFINISHED / name
    shutil.rmtree(unfinished, ignore_errors=True)
    write_pair(subject_of(person, settings), unfinished / ARCHIVE, unfinished / TRUTH)
    for part in (TRUTH, ARCHIVE):
        (out / part).mkdir(exist_ok=True)
        shutil.rmtree(out / part / name, ignore_errors=True)
        (unfinished / part).rename(out / part / name)
    return name


def _write_settings(out: Path, settings: PhantomSettings) -> None:
    """stage.json: a folder holds one cohort, and who belongs to it depends on how many there are."""
    path, wanted = out / MANIFEST, manifest(asdict(settings))
    if path.exists() and path.read_text() != wanted:
        raise ValueError(
            f"{out} holds a cohort of other settings or of other versions of the libraries (see {path}): "
            "take another folder, or remove this one"
        )
    write_whole(path, wanted)


def _write_clinical(path: Path, people: list[Person], settings: PhantomSettings) -> None:
    columns = [f"moaks_{region.value.replace(' ', '_')}" for region in CartilageRegion]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["patient_id", "side", "kl", *columns, "age", "sex", "bmi"])
        for person in people:
            seed = subject_seed(settings.seed, person.number)
            knee = knee_of(person, seed, DIFFICULTIES[settings.difficulty])
            scores = [round(knee.cartilage[region]) for region in CartilageRegion]
            known = [person.patient_id, person.side, knee.kl, *scores, person.age, person.sex, person.bmi]
            rows.writerow(known)


def _one_numba_thread() -> None:
    """Processes side by side: one thread each."""
    import numba

    numba.set_num_threads(1)
