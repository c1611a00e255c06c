"""A subject on disk as a hospital's archive holds it: a CT study with two series, and an MR study."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from trainer.phantom.coarse import coarse_acquisition, coarse_form
from trainer.phantom.ct import render_ct
from trainer.phantom.header import Header
from trainer.phantom.mr import render_mr
from trainer.phantom.mr_series import PROTOCOL, write_mr
from trainer.phantom.pair_record import write_pair_truth
from trainer.phantom.series import write_series
from trainer.phantom.subject import Subject

FIRST_DAY = date(2024, 3, 4)
"""CT of the first subject; the others follow week by week."""


def write_pair(subject: Subject, archive: Path, truth: Path) -> None:
    """Render and write both scans below `archive`, and what is known of them below `truth`.

    `archive`/CT/thin/dicom, CT/standard/dicom and MR/bffe/dicom hold the instances.
    """
    day = FIRST_DAY + timedelta(weeks=subject.person.number)
    native, standard = subject.ct_acquisition, coarse_acquisition(subject.ct_acquisition)
    ct = render_ct(subject.ct, native)
    coarse = coarse_form(ct, native)
    for number, name, volume, acquisition in ((1, "thin", ct, native), (2, "standard", coarse, standard)):
        header = _header(subject, day, "ct", number, f"Knee 1.0 {acquisition.kernel_name} {name}")
        folder = archive / "CT" / name
        write_series(
            subject.ct, acquisition, folder, seed=subject.seed, header=header, volume=volume, truth=False
        )
    del ct, coarse  # half a gigabyte that the MR does not need
    later = day + timedelta(days=subject.days_between)
    mr = render_mr(subject.mr, subject.mr_acquisition)
    header = _header(subject, later, "mr", 3, PROTOCOL)
    write_mr(mr, subject.mr_acquisition, archive / "MR" / "bffe" / "dicom", header)
    write_pair_truth(subject, truth)


def _header(subject: Subject, day: date, study: str, series: int, description: str) -> Header:
    """Who, when and which side; the size and weight give the body mass index."""
    person = subject.person
    at = f"{day:%Y%m%d}"
    dates = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate")
    born = FIRST_DAY.year - person.age
    return Header(
        seed=subject.seed,
        series=series,
        study=study,
        patient_name=f"PHANTOM^{person.number:04d}",
        patient_id=person.patient_id,
        patient_sex=person.sex,
        patient_age=person.age,
        study_description=f"{study.upper()} knee",
        series_description=description,
        laterality=str(person.side),
        overrides={
            **dict.fromkeys(dates, at),
            "PatientBirthDate": f"{born}0101",
            "PatientSize": f"{person.height:.2f}",
            "PatientWeight": f"{person.bmi * person.height**2:.1f}",
            "AccessionNumber": f"{study.upper()}{person.number:06d}",
        },
    )
