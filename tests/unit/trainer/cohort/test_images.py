"""Volumes of a manifest: every voxel has the value of the scene where the affine says it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ctsma_node.errors import Refused
from tests.fixtures.paired_archive import SeriesPlan, ct, datasets, mr, save, scene
from trainer.cohort.images import read_ct, read_mr
from trainer.cohort.manifest import CohortManifest, PairEntry, sources_of
from trainer.cohort.request import CohortRequest
from trainer.cohort.settings import CohortSettings
from trainer.cohort.stage import run

SETTINGS = CohortSettings(min_ct_slices=4, min_mr_slices=4)
TILT = (0.0, np.cos(0.3), np.sin(0.3))
OBLIQUE = (
    (np.cos(0.2), 0.0, np.sin(0.2)),
    (-np.sin(0.2) * np.sin(0.1), np.cos(0.1), np.cos(0.2) * np.sin(0.1)),
)


def pair_of(archive: Path, out: Path) -> PairEntry:
    manifest: CohortManifest = run(CohortRequest(archive, out, settings=SETTINGS))
    assert len(manifest.pairs) == 1, manifest.left_out
    return manifest.pairs[0]


def points(size: tuple[int, int, int], affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """LPS (k, j, i, 3) of every voxel centre."""
    k, j, i = np.mgrid[: size[2], : size[1], : size[0]]
    return np.asarray(np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3])


PLANS = {
    "axial": {},
    "reversed": {"column": (0.0, -1.0, 0.0)},
    "oblique": {"row": OBLIQUE[0], "column": OBLIQUE[1]},
}


@pytest.mark.parametrize("name", ["axial", "reversed", "oblique"])
def test_ct_voxels_lie_where_the_affine_says(tmp_path: Path, name: str) -> None:
    save(tmp_path / "a", ct("p", **PLANS[name]))
    save(tmp_path / "a", mr("p"))
    entry = pair_of(tmp_path / "a", tmp_path / "out").ct
    volume = read_ct(entry, tmp_path / "a")
    assert np.abs(volume.hu - scene(points(volume.size, volume.affine))).max() <= 1.0
    assert np.allclose(volume.affine, entry.affine, atol=1e-5)
    assert volume.size == entry.size
    assert np.linalg.det(volume.affine[:3, :3]) > 0


@pytest.mark.parametrize("row", [(0.0, 1.0, 0.0), TILT])
def test_mr_voxels_lie_where_the_affine_says(tmp_path: Path, row: tuple[float, float, float]) -> None:
    column = (0.0, row[2], -row[1])
    save(tmp_path / "a", ct("p"))
    save(tmp_path / "a", mr("p", row=row, column=column))
    entry = pair_of(tmp_path / "a", tmp_path / "out").mr
    volume = read_mr(entry, tmp_path / "a")
    assert np.abs(volume.signal - scene(points(volume.size, volume.affine))).max() <= 1.0
    assert np.allclose(volume.affine, entry.affine, atol=1e-5)
    assert np.allclose(volume.spacing, (0.234, 0.234, 1.5))


def test_each_slice_of_an_mr_has_its_own_rescale_and_none_is_negative(tmp_path: Path) -> None:
    def rescale(k: int, ds: object) -> None:
        ds.RescaleSlope, ds.RescaleIntercept = 0.5 + k, -600.0  # type: ignore[attr-defined]

    save(tmp_path / "a", ct("p"))
    plan = mr("p")
    save(tmp_path / "a", plan, rescale)
    volume = read_mr(pair_of(tmp_path / "a", tmp_path / "out").mr, tmp_path / "a")
    # Slices ascend along row x column, as they were written.
    expected = [np.maximum((0.5 + k) * scene(plan.points(k)) - 600.0, 0.0) for k in range(plan.slices)]
    assert np.allclose(volume.signal, np.array(expected), atol=1e-3)


def test_a_series_that_changed_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a", ct("p"))
    paths = save(tmp_path / "a", mr("p"))
    pair = pair_of(tmp_path / "a", tmp_path / "out")
    paths[0].unlink()
    with pytest.raises(Refused, match="unreadable_files"):
        read_mr(pair.mr, tmp_path / "a")


def test_a_series_of_another_matrix_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a", ct("p"))
    save(tmp_path / "a", mr("p"))
    pair = pair_of(tmp_path / "a", tmp_path / "out")
    assert not any(name.endswith("sha256") for name in sources_of(pair)), "DICOM is told by its UIDs"
    for plan in (ct("p", size=(10, 9)), mr("p", size=(9, 8))):
        save(tmp_path / "a", plan)
    said = "series_changed: 0 slices of that matrix, the manifest says 8"
    with pytest.raises(Refused, match=said):
        read_ct(pair.ct, tmp_path / "a")
    with pytest.raises(Refused, match=said):
        read_mr(pair.mr, tmp_path / "a")


def test_verify_finds_pixels_that_do_not_decode(tmp_path: Path) -> None:
    from pydicom.uid import JPEGLSLossless

    plan: SeriesPlan = ct("p")
    folder = tmp_path / "a" / "ct"
    folder.mkdir(parents=True)
    for k, ds in enumerate(datasets(plan)):
        ds.compress(JPEGLSLossless)
        ds.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    broken = folder / "3.dcm"
    content = broken.read_bytes()
    at = content.rindex(b"\xff\xd8")
    broken.write_bytes(content[: at + 2] + bytes(40) + content[at + 42 :])
    save(tmp_path / "a", mr("p"))
    assert len(run(CohortRequest(tmp_path / "a", tmp_path / "o1", settings=SETTINGS)).pairs) == 1
    verified = run(CohortRequest(tmp_path / "a", tmp_path / "o2", settings=SETTINGS, verify=True))
    assert {finding.code for finding in verified.left_out} == {"undecodable_pixels", "no_ct"}
