"""What OHIF draws of a study, on the pixels of its screenshots: nothing more is claimed than that.

Screenshots are left in the folder that CTSMA_SCREENSHOTS names, if any.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from scipy.stats import spearmanr
from skimage.color import lab2rgb, rgb2hsv

from ctsma_node.analysis.result import Parameter, Side
from ctsma_node.report import ReportObject
from ctsma_node.report.parametric_map import values_by_voxel
from tests.unit.report.knee_results import STUDY, knee
from tests.viewers.archive import DicomWebArchive
from tests.viewers.ohif_page import Drawn, OhifPage, ohif_page
from tests.viewers.web import served

RequireTool = Callable[[str], Path]
Bool = npt.NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)
BOTH_BONES, FEMUR_ALONE = 24, 76  # planes k of the analysis that do not look like their mirror images
SIDE = Side.LEFT


@pytest.fixture(scope="module")
def address(ohif: Path, archive: DicomWebArchive) -> Iterator[str]:
    with served(ohif, archive.url) as address:
        yield address


@pytest.fixture
def study(address: str, require_tool: RequireTool, tmp_path: Path) -> Iterator[OhifPage]:
    shots = Path(os.environ.get("CTSMA_SCREENSHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    with ohif_page(require_tool("chromium"), shots) as page:
        page.open(address, STUDY)
        yield page


def test_the_segments_lie_on_the_bones_in_their_colours(
    study: OhifPage, objects: tuple[ReportObject, ...], folder: Path
) -> None:
    study.show(f"{SIDE} knee bone subregions")
    study.agree()
    study.wait_for_overlay()
    (seg,) = (o for o in objects if o.kind == "segmentation" and o.side == SIDE)
    colours = segment_colours(folder / seg.file_name)
    for k in (BOTH_BONES, FEMUR_ALONE):
        drawn = at_plane(study, k, "segments")
        assert_on_the_bones(drawn, k)
        assert_in_their_colours(drawn, colours)


def test_a_map_lies_on_femur_and_tibia(study: OhifPage) -> None:
    study.show(f"{SIDE} knee map BV/TV")
    study.wait_for_overlay()
    for k in (BOTH_BONES, FEMUR_ALONE):
        drawn = at_plane(study, k, "map")
        assert_on_the_bones(drawn, k)
        assert_hue_follows(values_by_voxel(knee(SIDE), Parameter.BVTV), drawn)


def test_the_summary_says_the_probability(study: OhifPage) -> None:
    study.show(f"{SIDE} knee summary")
    said = study.annotation("Probability of knee osteoarthritis")
    study.drawn("summary")
    assert f"Probability of knee osteoarthritis: {knee(SIDE).oa_probability:.2f}" in said


def test_the_picture_opens(study: OhifPage) -> None:
    study.show(f"{SIDE} knee picture")
    study.wait_for_modality("OT")
    rgb = study.drawn("picture").rgb
    research_use_only = (np.abs(rgb - (255, 176, 32)) < 30).all(axis=1)
    assert research_use_only.mean() > 0.005
    assert colourfulness(rgb).max() > 100


def at_plane(study: OhifPage, k: int, name: str) -> Drawn:
    """The plane k of the analysis, from whichever end OHIF counts."""
    last = knee(SIDE).hu.shape[0] - 1
    for index in (last - k, k):
        study.go_to(index)
        if (voxels(study.points().world)[:, 0] == k).all():
            return study.drawn(f"{name}-{k}")
    raise AssertionError(f"OHIF shows plane {k} at neither end")


def assert_on_the_bones(drawn: Drawn, k: int) -> None:
    """Colour is where the bones are, nowhere else, and not where a mirror image would have them."""
    bones = knee(SIDE).bone_labels > 0
    coloured = colourfulness(drawn.rgb) > 25
    clear = sampled(away_from_edges(bones), drawn.world)
    inside = sampled(bones, drawn.world)
    assert inside[clear].sum() > 200
    assert (coloured == inside)[clear].mean() > 0.99
    for axis in range(3):
        telling = clear & (sampled(np.flip(bones, axis), drawn.world) != inside)
        assert telling.sum() > 50, f"axis {axis}"
        assert (coloured == inside)[telling].mean() > 0.97, f"axis {axis}"


def assert_in_their_colours(drawn: Drawn, colours: npt.NDArray[np.float64]) -> None:
    """Every segment large enough to be seen has its recommended colour, mixed with the grey below it."""
    labels = sampled(knee(SIDE).subregion_labels, drawn.world)
    seen = [label for label in np.unique(labels) if label and (labels == label).sum() >= 10]
    assert len(seen) >= 8
    for label in seen:
        shown = chroma(np.median(drawn.rgb[labels == label], axis=0))
        wanted = chroma(colours[label - 1])
        assert shown @ wanted > 0.95 * np.linalg.norm(shown) * np.linalg.norm(wanted), f"segment {label}"


def assert_hue_follows(values: npt.NDArray[np.float32], drawn: Drawn) -> None:
    """The colours rank the voxels as their values do."""
    bones = knee(SIDE).bone_labels > 0
    within = sampled(bones & away_from_edges(bones), drawn.world)
    hue = rgb2hsv(drawn.rgb[within][None] / 255)[0, :, 0]
    assert abs(spearmanr(hue, sampled(values, drawn.world)[within]).statistic) > 0.95


def segment_colours(path: Path) -> npt.NDArray[np.float64]:
    """RGB 0 to 255 of each segment, from Recommended Display CIELab Value (PS3.3 C.10.7.1.1)."""
    segments = dcmread(path).SegmentSequence
    stored = np.array([s.RecommendedDisplayCIELabValue for s in segments], dtype=np.float64) / 65535
    lab = stored * (100, 255, 255) - (0, 128, 128)
    return np.asarray(lab2rgb(lab[None])[0] * 255)


def chroma(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(rgb - rgb.mean())


def colourfulness(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(rgb.max(axis=1) - rgb.min(axis=1))


def voxels(world: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The nearest voxel (k, j, i) of the analysis at each point in LPS mm."""
    homogeneous = np.c_[world, np.ones(len(world))]
    i, j, k = (np.linalg.inv(knee(SIDE).affine) @ homogeneous.T)[:3]
    return np.rint([k, j, i]).T.astype(np.intp)


def sampled(array: npt.NDArray[Value], world: npt.NDArray[np.float64]) -> npt.NDArray[Value]:
    """Nearest values of an array [k, j, i] at each point in LPS mm; 0 outside."""
    where = voxels(world)
    inside = ((where >= 0) & (where < array.shape)).all(axis=1)
    values = np.zeros(len(where), array.dtype)
    values[inside] = array[tuple(where[inside].T)]
    return values


def away_from_edges(mask: Bool) -> Bool:
    """Voxels whose neighbours in the plane, two voxels away, are on the same side of the edge."""
    same = np.ones(mask.shape, bool)
    for axis in (1, 2):
        for by in (-2, 2):
            same &= np.roll(mask, by, axis) == mask
    return same
