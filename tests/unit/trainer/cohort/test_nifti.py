"""NIfTI pairs, by folder and by table."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ctsma_node.errors import Refused
from tests.fixtures.paired_archive import scene
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import CohortManifest, read_manifest, sources_of
from trainer.cohort.nifti import by_folder
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run

DIRECTION = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)  # sagittal: i to posterior, j to inferior
AFFINE = np.array([[0, 0, -1.5, 20], [0.25, 0, 0, -30], [0, -0.25, 0, 40], [0, 0, 0, 1.0]])


def volume(path: Path, pixel: float = 0.25) -> None:
    """A scene whose voxels lie at AFFINE, in LPS mm; other pixels than those are not where they say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    k, j, i = np.mgrid[:6, :9, :8]
    lps = np.stack([i, j, k], axis=-1) @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    image = sitk.GetImageFromArray(scene(lps).astype(np.int16))
    image.SetSpacing((pixel, pixel, 1.5))
    image.SetDirection(DIRECTION)
    image.SetOrigin(tuple(AFFINE[:3, 3]))
    sitk.WriteImage(image, str(path))


def cohort(tmp_path: Path, table: Path | None = None) -> CohortManifest:
    settings = CohortSettings(max_ct_pixel_mm=1.0)
    request = CohortRequest(
        tmp_path / "a", tmp_path / "out", nifti_pairs=table, keep_ids=True, settings=settings
    )
    return run(request)


def codes(manifest: CohortManifest) -> list[str]:
    return sorted(finding.code for finding in manifest.left_out)


def test_the_folder_convention(tmp_path: Path) -> None:
    for name in ("p1/R/ct.nii.gz", "p1/R/mr.nii.gz", "deeper/p2/left/CT.nii", "deeper/p2/left/mr.nii"):
        volume(tmp_path / "a" / name)
    manifest = cohort(tmp_path)
    assert [pair.pair_id for pair in manifest.pairs] == ["p1-R", "p2-L"]
    assert codes(manifest) == []


def test_coordinates_are_lps(tmp_path: Path) -> None:
    """NIfTI itself is RAS: a reader that forgets to turn it puts voxels on the other side of the body."""
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    (pair,) = cohort(tmp_path).pairs
    assert np.allclose(pair.ct.affine, AFFINE, atol=1e-4)
    ct, mr = read_ct(pair.ct, tmp_path / "a"), read_mr(pair.mr, tmp_path / "a")
    for values, affine in ((ct.hu, ct.affine), (mr.signal, mr.affine)):
        assert np.allclose(affine, AFFINE, atol=1e-4)
        k, j, i = np.mgrid[:6, :9, :8]
        assert np.array_equal(values, scene(np.stack([i, j, k], axis=-1) @ AFFINE[:3, :3].T + AFFINE[:3, 3]))


def test_the_table_of_pairs(tmp_path: Path) -> None:
    for name in ("x.nii.gz", "y.nii.gz"):
        volume(tmp_path / "a" / "images" / name)
    table = tmp_path / "a" / "pairs.csv"
    row = "images/x.nii.gz;images/y.nii.gz"
    table.write_text(
        f"patient_id;side;ct;mr;days\np;L;{row};-12\nq;X;{row};\nr;R;images/z.nii;images/y.nii.gz;\n"
        f"s;R;../x.nii.gz;images/y.nii.gz;\nt;R;{row};soon\nu;R;{row};3;4\n"
    )
    manifest = cohort(tmp_path, table)
    assert [(pair.pair_id, pair.days) for pair in manifest.pairs] == [("p-L", -12)]
    texts = [finding.text for finding in manifest.left_out]
    for place in (
        *("row 3, column side", "row 4, column ct", "row 5, column ct", "row 6, column days"),
        "row 7, column (none): more cells than columns",
    ):
        assert sum(place in text for text in texts) == 1


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "a"
    for patient in ("cut", "half", "four", "lost"):
        for name in ("ct.nii", "mr.nii"):
            volume(archive / patient / "R" / name)
    cut = archive / "cut" / "R" / "ct.nii"
    cut.write_bytes(cut.read_bytes()[:-100])
    (archive / "half" / "R" / "mr.nii").unlink()
    sitk.WriteImage(
        sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), np.int16), isVector=False),
        str(archive / "four" / "R" / "ct.nii"),
    )
    placed = archive / "lost" / "R" / "mr.nii"
    content = bytearray(placed.read_bytes())
    content[252:256] = bytes(4)  # qform_code and sform_code (NIfTI-1 header)
    placed.write_bytes(content)
    volume(archive / "stray.nii.gz")
    manifest = cohort(tmp_path)
    assert manifest.pairs == ()
    named = {finding.code: finding.path for finding in manifest.left_out}
    assert named["truncated_pixels"] == "cut/R/ct.nii"
    assert named["nifti_one_only"] == "half/R/ct.nii"
    assert named["nifti_not_3d"] == "four/R/ct.nii"
    assert named["no_geometry"] == "lost/R/mr.nii"
    assert named["nifti_unassigned"] == "stray.nii.gz"


def test_of_two_files_of_one_image_one_is_taken_and_the_other_named(tmp_path: Path) -> None:
    for name in ("ct.nii", "ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    manifest = cohort(tmp_path)
    assert [pair.ct.files for pair in manifest.pairs] == [("ct.nii",)]
    (left_out,) = manifest.left_out
    assert (left_out.code, left_out.path) == ("nifti_twice", "p/R/ct.nii.gz")
    assert "p/R/ct.nii is taken" in left_out.text


@pytest.mark.parametrize("files", [("ct.nii", "ct.nii.gz"), ("ct.nii.gz", "ct.nii")])
def test_which_of_two_files_is_taken_does_not_depend_on_their_order(files: tuple[str, str]) -> None:
    listed, findings = by_folder([f"p/R/{name}" for name in (*files, "mr.nii")])
    assert listed[0].files["CT"] == "p/R/ct.nii"
    assert [each.path for each in findings] == ["p/R/ct.nii.gz"]


def visits(tmp_path: Path, *rows: str) -> CohortManifest:
    """A table of the right knee of one patient."""
    for name in ("a_ct", "a_mr", "b_ct", "b_mr"):
        volume(tmp_path / "a" / f"{name}.nii.gz", 0.2 if name == "a_ct" else 0.25)
    (tmp_path / "pairs.csv").write_text("\n".join(["patient_id,side,ct,mr,days", *rows]))
    return cohort(tmp_path, tmp_path / "pairs.csv")


A, B = "p,R,a_ct.nii.gz,a_mr.nii.gz,", "p,R,b_ct.nii.gz,b_mr.nii.gz,"


@pytest.mark.parametrize(
    ("days", "taken"), [(("150", "3"), "b"), (("3", "-150"), "a"), (("", ""), "a"), (("", "100"), "b")]
)
def test_two_rows_of_one_knee_are_not_mixed(tmp_path: Path, days: tuple[str, str], taken: str) -> None:
    """The finer CT, of row a, goes with its own MR or with none."""
    manifest = visits(tmp_path, A + days[0], B + days[1])
    (pair,) = manifest.pairs
    assert (*pair.ct.files, *pair.mr.files) == (f"{taken}_ct.nii.gz", f"{taken}_mr.nii.gz")
    assert str(pair.days if pair.days is not None else "") == days["ab".index(taken)]
    assert codes(manifest) == ["not_chosen", "not_chosen"]


def test_halves_of_two_rows_are_no_pair(tmp_path: Path) -> None:
    visits(tmp_path, A, B)
    for name in ("a_ct", "b_mr"):
        (tmp_path / "a" / f"{name}.nii.gz").write_bytes(b"nonsense")
    manifest = cohort(tmp_path, tmp_path / "pairs.csv")
    assert manifest.pairs == ()
    assert codes(manifest) == ["no_ct", "no_mr", "unreadable", "unreadable"]


def test_a_row_that_comes_twice_is_one_pair(tmp_path: Path) -> None:
    manifest = visits(tmp_path, A, A)
    assert [pair.ct.files for pair in manifest.pairs] == [("a_ct.nii.gz",)]
    assert (codes(manifest), [each.code for each in manifest.remarks]) == (
        ["nifti_unassigned", "nifti_unassigned"],
        ["no_date"],
    )


def test_rows_that_no_rule_tells_apart_are_remarked_on(tmp_path: Path) -> None:
    manifest = visits(tmp_path, B, B.replace("b_", "c_"), B)
    assert [each.code for each in manifest.remarks] == ["no_date"]
    for name in ("c_ct", "c_mr"):
        volume(tmp_path / "a" / f"{name}.nii.gz")
    manifest = cohort(tmp_path, tmp_path / "pairs.csv")
    assert [each.code for each in manifest.remarks] == ["no_date", "two_alike", "two_alike"]
    assert [pair.mr.files for pair in manifest.pairs] == [("b_mr.nii.gz",)]


def test_one_id_in_two_folders_is_left_out_and_both_are_named(tmp_path: Path) -> None:
    """Two sites with one number: neither one person's CT with another's MR, nor two people as one."""
    for folder in ("siteA/001/R", "siteB/001/R", "siteC/001/L", "siteA/002/R"):
        for name in ("ct.nii.gz", "mr.nii.gz"):
            volume(tmp_path / "a" / folder / name)
    manifest = cohort(tmp_path)
    assert [pair.pair_id for pair in manifest.pairs] == ["002-R"]
    assert codes(manifest) == ["nifti_two_folders"] * 6
    texts = {each.path: each.text for each in manifest.left_out}
    assert "siteB/001, siteC/001 has" in texts["siteA/001/R/ct.nii.gz"]
    assert "siteA/001, siteC/001 has" in texts["siteB/001/R/mr.nii.gz"]


def test_both_knees_in_one_folder_are_one_patient_s(tmp_path: Path) -> None:
    for folder in ("site/001/R", "site/001/L"):
        for name in ("ct.nii.gz", "mr.nii.gz"):
            volume(tmp_path / "a" / folder / name)
    manifest = cohort(tmp_path)
    assert ([pair.pair_id for pair in manifest.pairs], codes(manifest)) == (["001-L", "001-R"], [])


def test_another_image_under_the_old_name_is_another_source(tmp_path: Path) -> None:
    """Even of the same grid: what was made of the old one is made anew."""
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    before = sources_of(cohort(tmp_path).pairs[0])
    assert sources_of(cohort(tmp_path).pairs[0]) == before
    path = tmp_path / "a" / "p" / "R" / "ct.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(path)) + 1, str(path))
    after = sources_of(cohort(tmp_path).pairs[0])
    assert {name for name in after if after[name] != before[name]} == {"ct_sha256"}


def test_a_manifest_without_digests_has_the_sources_it_had(tmp_path: Path) -> None:
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    now = sources_of(cohort(tmp_path).pairs[0])
    path = tmp_path / "out" / "cohort.json"
    content = json.loads(path.read_text())
    for modality in ("ct", "mr"):
        assert content["pairs"][0][modality].pop("sha256") == now.pop(f"{modality}_sha256")
    path.write_text(json.dumps(content))
    assert sources_of(read_manifest(tmp_path / "out").pairs[0]) == now


@pytest.mark.parametrize(("shape", "slices"), [((7, 9, 8), 7), ((6, 8, 8), 0), ((6, 9, 7), 0)])
def test_a_file_of_another_size_than_the_manifest_s_is_refused(
    tmp_path: Path, shape: tuple[int, int, int], slices: int
) -> None:
    folder = tmp_path / "a" / "p" / "R"
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(folder / name)
    (pair,) = cohort(tmp_path).pairs
    for name in ("ct.nii.gz", "mr.nii.gz"):
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros(shape, np.int16)), str(folder / name))
    said = f"series_changed: {slices} slices of that matrix, the manifest says 6"
    with pytest.raises(Refused, match=said):
        read_ct(pair.ct, tmp_path / "a")
    with pytest.raises(Refused, match=said):
        read_mr(pair.mr, tmp_path / "a")


def test_a_file_that_is_gone_is_not_called_undecodable(tmp_path: Path) -> None:
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    (pair,) = cohort(tmp_path).pairs
    for read, entry in ((read_ct, pair.ct), (read_mr, pair.mr)):
        with pytest.raises(Refused, match="unreadable_files"):
            read(entry, tmp_path / "elsewhere")


@pytest.mark.parametrize("content", [b"", b"nonsense", gzip.compress(b"nonsense", mtime=0)])
def test_a_file_that_is_no_nifti(tmp_path: Path, content: bytes) -> None:
    for name in ("ct.nii.gz", "mr.nii.gz"):
        volume(tmp_path / "a" / "p" / "R" / name)
    (tmp_path / "a" / "p" / "R" / "ct.nii.gz").write_bytes(content)
    assert codes(cohort(tmp_path)) == ["no_ct", "unreadable"]
