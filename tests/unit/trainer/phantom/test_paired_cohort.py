from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.unit.trainer.phantom.pairs import digests, tiny
from trainer.phantom import paired_cohort
from trainer.phantom.pair import write_pair
from trainer.phantom.paired_cohort import CLINICAL, UNFINISHED, PhantomSettings, write_cohort
from trainer.phantom.person import Person
from trainer.phantom.subject import Subject

SETTINGS = PhantomSettings(subjects=2, seed=3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Subjects scanned with few voxels; the names of those that are written."""
    made: list[str] = []
    subject_of = paired_cohort.subject_of
    drawn: dict[tuple[int, int], Subject] = {}

    def few_voxels(person: Person, settings: PhantomSettings, visit: int = 0) -> Subject:
        key = (settings.seed, person.number)
        if key not in drawn:
            drawn[key] = tiny(subject_of(person, settings, visit))
        return drawn[key]

    def noted(subject: Subject, archive: Path, truth: Path) -> None:
        made.append(subject.person.patient_id)
        write_pair(subject, archive, truth)

    monkeypatch.setattr(paired_cohort, "subject_of", few_voxels)
    monkeypatch.setattr(paired_cohort, "write_pair", noted)
    return made


def test_a_stopped_cohort_goes_on_and_other_settings_are_refused(tmp_path: Path, small: list[str]) -> None:
    assert sorted(write_cohort(tmp_path, SETTINGS)) == ["P0001", "P0002"]
    whole = digests(tmp_path)
    assert sorted(small) == ["P0001", "P0002"]
    assert not (tmp_path / UNFINISHED).exists()

    # Killed in the middle of the second: half of it lies aside, and its truth is in place already.
    small.clear()
    (tmp_path / "archive" / "P0002").rename(tmp_path / "aside")
    half = tmp_path / UNFINISHED / "P0002" / "archive" / "CT"
    half.mkdir(parents=True)
    (half / "cut.dcm").write_bytes(b"half a slice")
    shutil.rmtree(tmp_path / "aside")
    assert sorted(write_cohort(tmp_path, SETTINGS)) == ["P0001", "P0002"]
    assert small == ["P0002"]
    assert digests(tmp_path) == whole

    small.clear()
    assert list(write_cohort(tmp_path, SETTINGS)) == ["P0001", "P0002"]
    assert small == []

    for other in (PhantomSettings(2, 4), PhantomSettings(3, 3), PhantomSettings(2, 3, "hard")):
        with pytest.raises(ValueError, match="other settings"):
            list(write_cohort(tmp_path, other))
    assert digests(tmp_path) == whole


def test_the_clinical_table_has_a_row_for_each_subject(tmp_path: Path, small: list[str]) -> None:
    list(write_cohort(tmp_path, PhantomSettings(subjects=1, seed=5)))
    with (tmp_path / CLINICAL).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["patient_id"] for row in rows] == ["P0001"]
    assert 0 <= int(rows[0]["kl"]) <= 4
    scores = [value for name, value in rows[0].items() if name.startswith("moaks_")]
    assert len(scores) == 5
    assert all(0.0 <= float(score) <= 6.0 for score in scores)
    assert rows[0]["sex"] in "FM"
