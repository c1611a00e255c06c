"""Which of a study's series is analysed: rules, quality, region, and what a sibling has come to."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from ctsma_node.assemble import read_series
from ctsma_node.assemble.kernels import Grade, grade, sharpness
from ctsma_node.choice import (
    Candidate,
    Sibling,
    Stands,
    choose,
    describe,
    first_match,
    in_order,
    refuse_excluded,
)
from ctsma_node.choice.rank import covers, quality
from ctsma_node.config import RuleSettings
from ctsma_node.errors import Refused
from ctsma_node.worker.picking import candidate_of
from tests.fixtures.ct_series import StackPlan, multi_frame, rotation, single_frames, write

BONE = Candidate(
    series_uid="1.2.1",
    study_uid="1.2",
    frame_of_reference_uid="1.9",
    series_number=4,
    side="",
    original=True,
    thickness_mm=1.0,
    spacing_mm=1.0,
    pixel_mm=0.4,
    orientation="axial",
    box=((-100.0, 100.0), (-100.0, 100.0), (0.0, 150.0)),
    kernel="B60s",
    description="Knie rechts Knochen",
    body_part="KNEE",
    image_type="ORIGINAL\\PRIMARY\\AXIAL",
)
WORSE: dict[str, dict[str, Any]] = {
    "thick": {"thickness_mm": 3.0},
    "thick spacing": {"spacing_mm": 2.0},
    "unknown thickness": {"thickness_mm": None, "spacing_mm": None},
    "soft": {"kernel": "B30s"},
    "unknown kernel": {"kernel": "RECON-7"},
    "extreme": {"kernel": "B80s"},
    "coarse": {"pixel_mm": 1.2},
    "derived": {"original": False},
    "thick and very sharp": {"thickness_mm": 2.0, "kernel": "U70u"},
}


def other(number: int = 5, **changes: Any) -> Candidate:
    return replace(BONE, series_uid=f"1.2.{number}", series_number=number, **changes)


def rule(action: str, **conditions: Any) -> RuleSettings:
    return RuleSettings(name=f"{action}-rule", action=action, **conditions)  # type: ignore[arg-type]


def refusal(candidate: Candidate, sibling: Candidate, *rules: RuleSettings) -> str:
    with pytest.raises(Refused) as caught:
        choose(candidate, [Sibling(sibling, Stands.MEASURED)], rules)
    assert caught.value.code == "not_chosen"
    return caught.value.reason


@pytest.mark.parametrize("changes", WORSE.values(), ids=list(WORSE))
def test_the_series_that_suits_the_method_goes_first_and_the_other_is_left_out(
    changes: dict[str, Any],
) -> None:
    worse = other(2, **changes)  # its lower number does not help it
    assert in_order([worse, BONE], ()) == [BONE, worse]
    assert choose(BONE, [Sibling(worse, Stands.WAITING)], ()) is None
    assert choose(BONE, [Sibling(worse, Stands.MEASURED)], ()) is None  # the better one is measured, too
    assert choose(worse, [Sibling(BONE, Stands.WAITING)], ()) == BONE
    assert refusal(worse, BONE).startswith("Series 4 of the same study shows the same knees and ")


@pytest.mark.parametrize(
    "changes",
    [{"thickness_mm": 0.6}, {"pixel_mm": 0.2}, {"kernel": "B70s"}, {"thickness_mm": 1.1}, {"pixel_mm": 0.97}],
)
def test_what_is_finer_than_the_grid_or_nearly_equal_decides_nothing(changes: dict[str, Any]) -> None:
    assert quality(other(**changes), ()) == quality(BONE, ())


@pytest.mark.parametrize("measure", ["thickness_mm", "spacing_mm", "pixel_mm"])
@pytest.mark.parametrize("value", [1.7e308, float("inf"), float("nan")])
def test_a_measure_beyond_all_numbers_is_the_worst(measure: str, value: float) -> None:
    odd: dict[str, Any] = {measure: value}
    worst: dict[str, Any] = {measure: 99.0}
    assert quality(other(**odd), ()) == quality(other(**worst), ())


def test_overlapping_slices_decide_between_equals() -> None:
    assert in_order([BONE, other(spacing_mm=0.3)], ())[0].spacing_mm == 0.3


def test_of_two_that_are_alike_the_first_is_taken_and_none_measured_twice() -> None:
    twin = other(5)
    assert choose(BONE, [Sibling(twin, Stands.WAITING)], ()) is None
    assert choose(twin, [Sibling(BONE, Stands.WAITING)], ()) == BONE
    assert "is analysed already" in refusal(BONE, twin)
    assert "Another series" in refusal(twin, replace(BONE, series_number=None))


def test_no_two_series_wait_for_one_another() -> None:
    study = [other(n, **changes) for n, changes in enumerate(WORSE.values(), start=10)] + [BONE, other(6)]
    for a, b in permutations(study, 2):
        waits = [choose(a, [Sibling(b, Stands.WAITING)], ()), choose(b, [Sibling(a, Stands.WAITING)], ())]
        assert waits.count(None) == 1


NOT_THE_SAME: dict[str, dict[str, Any]] = {
    "another study": {"study_uid": "1.3"},
    "another frame of reference": {"frame_of_reference_uid": "1.10"},
    "no frame of reference": {"frame_of_reference_uid": ""},
    "the other leg": {"box": ((100.0, 300.0), (-100.0, 100.0), (0.0, 150.0))},
    "both legs": {"box": ((-100.0, 300.0), (-100.0, 100.0), (0.0, 150.0))},
    "the hip": {"box": ((-100.0, 100.0), (-100.0, 100.0), (300.0, 450.0))},
    "no region": {"box": None},
}


@pytest.mark.parametrize("changes", NOT_THE_SAME.values(), ids=list(NOT_THE_SAME))
@pytest.mark.parametrize("stands", [Stands.WAITING, Stands.MEASURED])
def test_what_may_be_another_knee_is_analysed(changes: dict[str, Any], stands: Stands) -> None:
    soft = other(kernel="B30s", thickness_mm=3.0, **changes)
    assert choose(soft, [Sibling(BONE, stands)], ()) is None


def test_sides_that_contradict_are_two_knees() -> None:
    left, right = replace(BONE, side="L"), other(side="R", kernel="B30s")
    assert choose(right, [Sibling(left, Stands.MEASURED)], ()) is None
    refusal(replace(right, side=""), left)


def test_a_smaller_field_of_the_same_knee_stands_for_the_larger() -> None:
    zoom = other(box=((-80.0, 70.0), (-75.0, 75.0), (20.0, 140.0)))
    assert covers(zoom, BONE)
    assert covers(BONE, zoom)
    assert not covers(zoom, other(box=((-80.0, 121.0), (-75.0, 75.0), (20.0, 140.0))))


WIDE = replace(BONE, series_number=3, box=((-150.0, 200.0), (-100.0, 100.0), (0.0, 150.0)))
"""Both knees, of which the right one is cut off."""


@pytest.mark.parametrize(
    "box",
    [
        ((-190.0, -20.0), (-85.0, 85.0), (0.0, 150.0)),  # the right knee alone
        ((-170.0, 200.0), (-100.0, 100.0), (0.0, 150.0)),
        ((-150.0, 200.0), (-120.0, 120.0), (0.0, 150.0)),
        ((-150.0, 200.0), (-100.0, 100.0), (-20.0, 150.0)),
    ],
)
def test_what_may_show_a_knee_whole_that_the_better_one_cut_off_is_analysed(box: Any) -> None:
    wider = other(kernel="B30s", box=box)
    assert covers(WIDE, wider)
    assert choose(wider, [Sibling(WIDE, Stands.PARTLY)], ()) is None
    refusal(wider, WIDE)  # where nothing was cut off


@pytest.mark.parametrize("box", [WIDE.box, ((-153.0, 198.0), (-80.0, 80.0), (-1.0, 148.0))])
def test_what_cuts_the_same_knee_off_is_left_out(box: Any) -> None:
    with pytest.raises(Refused) as caught:
        choose(other(kernel="B30s", box=box), [Sibling(WIDE, Stands.PARTLY)], ())
    assert caught.value.code == "not_chosen"


def test_a_better_one_that_is_arriving_is_waited_for_wherever_it_will_end() -> None:
    arriving = other(box=((-100.0, 100.0), (-100.0, 100.0), (0.0, 2.0)))
    assert choose(replace(BONE, kernel="B30s"), [Sibling(arriving, Stands.ARRIVING)], ()) == arriving
    assert choose(BONE, [Sibling(arriving, Stands.ARRIVING)], ()) is None


def test_the_best_of_several_is_waited_for() -> None:
    siblings = [Sibling(other(7, kernel="B46s"), Stands.WAITING), Sibling(BONE, Stands.ARRIVING)]
    assert choose(other(9, kernel="B30s"), siblings, ()) == BONE


def test_rules_prefer_exclude_and_force() -> None:
    soft = other(kernel="B30s", description="Weichteil")
    prefer = rule("prefer", description="weichteil")
    assert in_order([BONE, soft], [prefer])[0] == soft
    assert "preferred by a rule" in refusal(BONE, soft, prefer)
    assert choose(soft, [Sibling(BONE, Stands.MEASURED)], [rule("analyse", kernel="B30")]) is None
    assert choose(soft, [Sibling(BONE, Stands.WAITING)], [rule("exclude", kernel="B60")]) is None
    with pytest.raises(Refused) as caught:
        refuse_excluded([rule("exclude", kernel="B30")], soft)
    assert (caught.value.code, "exclude-rule" in caught.value.reason) == ("excluded_by_rule", True)
    assert "Weichteil" not in caught.value.reason


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({}, True),
        ({"description": "KNOCHEN$"}, True),
        ({"description": "weich"}, False),
        ({"description": "knochen", "kernel": "B30"}, False),
        ({"body_part": "^knee$"}, True),
        ({"image_type": r"^ORIGINAL\\PRIMARY"}, True),
        ({"orientation": ("sagittal", "axial")}, True),
        ({"orientation": ("sagittal",)}, False),
        ({"max_spacing_mm": 1.0, "min_spacing_mm": 0.5}, True),
        ({"min_thickness_mm": 1.5}, False),
    ],
)
def test_every_condition_of_a_rule_must_hold(conditions: dict[str, Any], matches: bool) -> None:
    assert (first_match([rule("prefer", **conditions)], BONE) is not None) == matches


def test_the_first_rule_that_matches_counts_and_the_unknown_matches_no_limit() -> None:
    first = rule("analyse", kernel="B6")
    assert first_match([rule("prefer", kernel="B3"), first, rule("exclude")], BONE) == first
    assert first_match([rule("prefer", min_thickness_mm=0.1)], replace(BONE, thickness_mm=None)) is None


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        *(("U70u", Grade.SHARP), ("B60s", Grade.SHARP), ("Br64d", Grade.SHARP), ("BONE", Grade.SHARP)),
        *(("I70f", Grade.SHARP), ("I50f", Grade.MEDIUM), ("I40f", Grade.STANDARD), ("I26f", Grade.SOFT)),
        *(("FC30", Grade.SHARP), ("YA", Grade.SHARP), ("B46s", Grade.MEDIUM), ("DETAIL", Grade.MEDIUM)),
        *(("B30s", Grade.SOFT), ("Br40", Grade.STANDARD), ("STANDARD", Grade.STANDARD)),
        *(("SOFT", Grade.SOFT), ("A", Grade.SOFT), ("FC08", Grade.STANDARD), ("EDGE", Grade.VERY_SHARP)),
        *(("B80s", Grade.VERY_SHARP), ("FC81", Grade.VERY_SHARP), ("YD", Grade.VERY_SHARP)),
        *(("", Grade.UNKNOWN), ("RECON-7", Grade.UNKNOWN)),
    ],
)
def test_kernels_of_all_vendors_have_a_grade(kernel: str, expected: Grade) -> None:
    assert grade(f" {kernel.lower()} ") is expected
    assert (sharpness(kernel) == 0) == (expected is Grade.UNKNOWN)


def test_a_series_is_described_as_it_lies(tmp_path: Path) -> None:
    plan = StackPlan(rows=16, columns=20, slices=30, pixel_spacing=(0.8, 0.6), spacing=1.5)
    slices = single_frames(plan, SeriesNumber="7", ConvolutionKernel=["Br64d", "3"], SliceThickness="2.0")
    described = candidate_of(read_series(write(slices, tmp_path)))
    assert (described.series_number, described.kernel, described.orientation) == (7, "Br64d", "axial")
    assert (described.thickness_mm, described.spacing_mm, described.pixel_mm) == (2.0, 1.5, 0.8)
    assert described.box is not None
    sizes = [high - low for low, high in described.box]
    assert sizes == pytest.approx([20 * 0.6, 16 * 0.8, 29 * 1.5], abs=1e-3)
    assert "Marmoset" not in repr(described)  # a header's free text stays out of what may be printed


@pytest.mark.parametrize(
    ("turn", "plane"), [((0, 90, 0), "sagittal"), ((90, 0, 0), "coronal"), ((40, 0, 0), "oblique")]
)
def test_a_plane_is_named_from_the_normal(turn: tuple[float, ...], plane: str, tmp_path: Path) -> None:
    directions = rotation(turn)
    stack = StackPlan(slices=3, row=tuple(directions[:, 0]), column=tuple(directions[:, 1]))
    assert candidate_of(read_series(write(single_frames(stack), tmp_path))).orientation == plane


def test_a_multi_frame_instance_is_described_from_its_functional_groups(tmp_path: Path) -> None:
    ds = multi_frame(StackPlan(slices=5))
    reconstruction = Dataset()
    reconstruction.ConvolutionKernel = "BONE"
    ds.SharedFunctionalGroupsSequence[0].CTReconstructionSequence = Items([reconstruction])
    anatomy = Dataset()
    anatomy.FrameLaterality = "R"
    ds.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = Items([anatomy])
    described = candidate_of(read_series(write([ds], tmp_path)))
    assert (described.kernel, described.spacing_mm, described.thickness_mm) == ("BONE", 1.5, 1.5)
    assert described.side == "R"


def test_a_header_that_says_nothing_is_described_as_unknown(tmp_path: Path) -> None:
    (ds,) = single_frames(StackPlan(slices=1))
    for keyword in ("ImagePositionPatient", "SliceThickness", "SeriesDescription", "FrameOfReferenceUID"):
        delattr(ds, keyword)
    series = read_series(write([ds], tmp_path))
    described = describe(series.frames, series.headers[0])
    assert (described.box, described.thickness_mm, described.spacing_mm) == (None, None, None)
    assert (described.series_number, described.orientation, described.description) == (None, "", "")
