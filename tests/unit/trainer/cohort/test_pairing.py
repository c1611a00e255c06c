"""Which CT goes with which MR: the whole stage on small archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from tests.fixtures.paired_archive import SeriesPlan, ct, mr, save
from trainer.cohort.clinical import COLUMNS
from trainer.cohort.manifest import CohortManifest, PairEntry
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run

LIMITS: dict[str, Any] = {"min_ct_slices": 4, "min_mr_slices": 4}


def cohort(tmp_path: Path, *plans: SeriesPlan, rows: str = "", **settings: Any) -> CohortManifest:
    for plan in plans:
        save(tmp_path / "archive", plan)
    clinical = None
    if rows:
        clinical = tmp_path / "archive" / "clinical.csv"
        clinical.write_text(rows)
    request = CohortRequest(
        tmp_path / "archive",
        tmp_path / "out",
        clinical,
        keep_ids=True,
        settings=CohortSettings(**LIMITS, **settings),
    )
    return run(request)


def only(manifest: CohortManifest) -> PairEntry:
    assert len(manifest.pairs) == 1, manifest.left_out
    return manifest.pairs[0]


def codes(manifest: CohortManifest) -> list[str]:
    return sorted(finding.code for finding in manifest.left_out + manifest.remarks)


def test_the_finer_reconstruction_is_the_ct_and_the_others_are_kept(tmp_path: Path) -> None:
    fine, coarse = ct("p", name="fine", spacing=(0.27, 0.27)), ct("p", name="coarse", spacing=(0.98, 0.98))
    pair = only(manifest := cohort(tmp_path, coarse, fine, mr("p")))
    assert pair.ct.series_uid == fine.series_uid
    assert [each.series_uid for each in pair.ct_alternatives] == [coarse.series_uid]
    assert codes(manifest) == []


@pytest.mark.parametrize(
    ("soft", "sharp"),
    [("B30f", "U70u"), ("Br40", "Hr60"), ("STANDARD", "BONE"), ("B", "YC"), ("FC08", "FC30")],
)
def test_of_equal_grids_the_sharper_kernel_is_the_ct(tmp_path: Path, soft: str, sharp: str) -> None:
    first = ct("p", name="soft", attributes={"ConvolutionKernel": soft, "SeriesNumber": 1})
    second = ct("p", name="sharp", attributes={"ConvolutionKernel": sharp, "SeriesNumber": 2})
    pair = only(manifest := cohort(tmp_path, first, second, mr("p")))
    assert (pair.ct.kernel, codes(manifest)) == (sharp, [])


def test_the_nearest_date_comes_before_the_finest_voxels(tmp_path: Path) -> None:
    near = ct("p", name="near", study="1", date="20240305")
    far = ct("p", name="far", study="2", date="20240101", spacing=(0.2, 0.2))
    pair = only(manifest := cohort(tmp_path, near, far, mr("p")))
    assert (pair.ct.series_uid, pair.days) == (near.series_uid, 1)
    assert codes(manifest) == ["not_chosen"]


def test_days_are_counted_from_the_ct_and_limited(tmp_path: Path) -> None:
    before = mr("p", date="20240220")
    assert only(cohort(tmp_path / "a", ct("p"), before)).days == -10
    assert codes(cohort(tmp_path / "b", ct("p"), before, max_days=9)) == ["too_many_days"] * 2


def test_a_ct_of_both_knees_goes_with_each_mr(tmp_path: Path) -> None:
    both = ct("p", side="B")
    manifest = cohort(tmp_path, both, mr("p", name="r"), mr("p", name="l", side="L"))
    assert [pair.pair_id for pair in manifest.pairs] == ["p-L", "p-R"]
    assert {pair.ct.series_uid for pair in manifest.pairs} == {both.series_uid}
    assert {pair.fold for pair in manifest.pairs} == {manifest.pairs[0].fold}
    assert codes(manifest) == []


def test_a_ct_of_both_knees_with_one_mr_leaves_nothing_to_report(tmp_path: Path) -> None:
    manifest = cohort(tmp_path, ct("p", side="B"), mr("p", side="L"))
    assert ([pair.side for pair in manifest.pairs], codes(manifest)) == (["L"], [])


def test_a_ct_wide_enough_for_two_legs_shows_both(tmp_path: Path) -> None:
    wide = ct("p", side="", size=(10, 300), spacing=(1.0, 1.0))
    manifest = cohort(tmp_path, wide, mr("p", name="r"), mr("p", name="l", side="L"))
    assert [pair.side_source["ct"] for pair in manifest.pairs] == ["the width of the field of view"] * 2
    narrow = ct("p", side="")
    manifest = cohort(tmp_path / "b", narrow, mr("p", name="r"), mr("p", name="l", side="L"))
    assert codes(manifest) == ["no_ct", "no_ct", "side_unknown"]


def test_a_side_that_no_header_tells_comes_from_the_clinical_table(tmp_path: Path) -> None:
    manifest = cohort(tmp_path, ct("p", side=""), mr("p", side=""), rows="patient_id,side,kl\np,L,3\n")
    pair = only(manifest)
    assert (pair.side, pair.side_source["mr"]) == ("L", "the clinical table")
    assert pair.clinical is not None
    assert (pair.clinical.kl, pair.oa_class) == (3, "advanced")


def test_knees_of_two_sides_are_two_pairs_of_one_fold(tmp_path: Path) -> None:
    plans = [make("p", name=side, study=side, side=side) for side in "RL" for make in (ct, mr)]
    manifest = cohort(tmp_path, *plans)
    assert [pair.pair_id for pair in manifest.pairs] == ["p-L", "p-R"]
    assert len({pair.fold for pair in manifest.pairs}) == 1


def test_an_unknown_date_is_remarked_on(tmp_path: Path) -> None:
    manifest = cohort(tmp_path, ct("p", attributes={"StudyDate": ""}), mr("p"))
    assert (only(manifest).days, codes(manifest)) == (None, ["no_date"])


def test_issuers_tell_patients_apart_and_an_absent_one_does_not(tmp_path: Path) -> None:
    a, b = ({"IssuerOfPatientID": name, "PatientName": f"{name}^X"} for name in ("WARD", "CLINIC"))
    manifest = cohort(tmp_path, ct("7", attributes=a), mr("7", name="b", attributes=b))
    assert codes(manifest) == ["no_ct", "no_mr"]
    one = {"IssuerOfPatientID": "WARD"}
    assert only(cohort(tmp_path / "b", ct("7", attributes=one), mr("7"))).pseudonym == "WARD_7"


def test_names_that_a_tool_wrote_tell_nothing(tmp_path: Path) -> None:
    hidden = {"PatientName": "ANONYMOUS"}
    plans = [make(patient, attributes=hidden) for patient in ("p1", "p2") for make in (ct, mr)]
    assert len(cohort(tmp_path, *plans).pairs) == 2


def test_equal_names_may_be_kept_and_share_a_fold(tmp_path: Path) -> None:
    plans = [
        make(patient, attributes={"PatientName": "Okapi^Olga" if patient[1:] in "12" else f"N^{patient}"})
        for patient in ("p1", "p2", "p3", "p4", "p5", "p6")
        for make in (ct, mr)
    ]
    assert len(cohort(tmp_path / "a", *plans).pairs) == 4
    manifest = cohort(tmp_path / "b", *plans, allow_equal_names=True)
    folds = {pair.pseudonym: pair.fold for pair in manifest.pairs}
    assert folds["p1"] == folds["p2"]
    assert manifest.namesakes == (("p1", "p2"),)


def test_same_archive_same_bytes(tmp_path: Path) -> None:
    plans = [make(patient) for patient in ("p1", "p2", "p3") for make in (ct, mr)]
    rows = ",".join(COLUMNS) + "\np1,R,0,0,0,0,0,0,50,F,25\n"
    cohort(tmp_path, *plans, rows=rows)
    first = [(tmp_path / "out" / name).read_bytes() for name in ("cohort.json", "cohort.csv")]
    (tmp_path / "out" / "cohort.json").unlink()
    cohort(tmp_path, rows=rows)
    assert [(tmp_path / "out" / name).read_bytes() for name in ("cohort.json", "cohort.csv")] == first


def test_pseudonyms_need_the_secret_and_the_secret_is_the_owners_alone(tmp_path: Path) -> None:
    for plan in (ct("p"), mr("p")):
        save(tmp_path / "archive", plan)
    made = []
    for out in ("one", "two"):
        request = CohortRequest(tmp_path / "archive", tmp_path / out, settings=CohortSettings(**LIMITS))
        made.append([run(request).pairs[0].pseudonym for _ in range(2)])
        assert (tmp_path / out / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert made[0][0] == made[0][1] != made[1][0]
    assert len(made[0][0]) == 10


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        run(CohortRequest(tmp_path / "nowhere", tmp_path / "out"))


def test_a_screenshot_in_a_series_is_set_aside(tmp_path: Path) -> None:
    shot = ct("p", name="shot", slices=1, attributes={"SOPClassUID": SecondaryCaptureImageStorage})
    shot.attributes["SeriesInstanceUID"], shot.attributes["StudyInstanceUID"] = (
        ct("p").series_uid,
        ct("p").study_uid,
    )
    manifest = cohort(tmp_path, ct("p"), shot, mr("p"))
    assert (only(manifest).ct.size[2], codes(manifest)) == (8, ["slices_set_aside"])


def test_a_series_of_both_sides_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "archive", ct("p"), lambda k, ds: setattr(ds, "Laterality", "RL"[k % 2]))
    assert codes(cohort(tmp_path, mr("p"))) == ["contradicting_side", "no_ct"]
